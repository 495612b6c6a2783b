"""Looks into Postgres, past the product."""

import psycopg
import psycopg.rows


class Database:
    def __init__(self, settings, name=None):
        self.parameters = {
            "host": settings["DB_HOST"], "port": settings["DB_PORT"], "user": settings["DB_USER"],
            "password": settings.get("DB_PASSWORD", ""), "dbname": name or settings["DB_NAME"],
            "sslmode": settings.get("DB_SSLMODE", "prefer"), "connect_timeout": "10",
        }
        self._connection = None

    def connect(self):
        return psycopg.connect(**self.parameters, autocommit=True, row_factory=psycopg.rows.dict_row)

    def rows(self, statement, *parameters):
        for attempt in (1, 2):  # the server may have been restarted by a test
            if self._connection is None or self._connection.closed:
                self._connection = self.connect()
            try:
                done = self._connection.execute(statement, parameters or None)
                return done.fetchall() if done.description else []
            except psycopg.OperationalError:
                self._connection = None
                if attempt == 2:
                    raise

    def row(self, statement, *parameters):
        found = self.rows(statement, *parameters)
        assert len(found) == 1, f"{len(found)} rows: {statement} {parameters}"
        return found[0]

    def value(self, statement, *parameters):
        return next(iter(self.row(statement, *parameters).values()))

    def ticket(self, ticket):
        return self.row("SELECT * FROM tickets WHERE id = %s", ticket)

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None
