"""gunicorn's settings, wherever it runs. PORT and WEB_CONCURRENCY (processes) are read by gunicorn
itself from the environment, as platforms with a Procfile set them."""

worker_class = "gthread"
threads = 8
# Longer than a proxy keeps an idle connection, so that it is never the one to find it closed.
keepalive = 75
graceful_timeout = 30
timeout = 60
# Its place is shared by all projects of a user, and nothing here speaks to it.
control_socket_disable = True
