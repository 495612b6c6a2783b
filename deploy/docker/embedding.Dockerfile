# The embedding server of the local stack: a small model behind an OpenAI-compatible API, no downloads at run time.
FROM python:3.12.12-slim-bookworm
COPY deploy/local/parts/requirements.txt /srv/requirements.txt
RUN pip install --no-cache-dir --no-deps -r /srv/requirements.txt
COPY deploy/local/parts /srv
USER nobody
EXPOSE 8080
CMD ["python", "-u", "/srv/embedding_server.py", "--host", "0.0.0.0", "--port", "8080"]
