DROP TABLE api_sessions;
DROP TABLE api_tokens;
