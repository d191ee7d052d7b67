"""gunicorn's settings, wherever it runs. PORT and WEB_CONCURRENCY (processes) are read by gunicorn
itself from the environment, as platforms with a Procfile set them."""

worker_class = "gthread"
threads = 16  # many of which wait for the same read or write (docs/adr/0015)
# No kept-alive connections: with them, this worker of gunicorn 27.0 left 3 of 5,000 requests that
# came through Pushpin at once unanswered (a 502 after 60 s). Without them, none of 25,000.
keepalive = 0
graceful_timeout = 30
timeout = 60
# Its place is shared by all projects of a user, and nothing here speaks to it.
control_socket_disable = True
