"""The WSGI application that gunicorn serves."""

import os

from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard_project.settings")
application = get_wsgi_application()

# Only now, because django_grip reads the settings when it is imported.
from leaderboardapp.web.rate_limit import get_limiter  # noqa: E402
from leaderboardapp.web.requests import Request  # noqa: E402

application.request_class = Request

# A limits file that cannot be used stops the start, instead of the first write.
get_limiter()

# A store looks after its connections itself, at each call. (Django's third receiver
# stays: it forgets the statements that are kept with DEBUG.)
request_started.disconnect(close_old_connections)
request_finished.disconnect(close_old_connections)
