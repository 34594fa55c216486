"""A Django application in one file: log-in, CSRF-protected forms, a choice of
language, and statistics by a cookie that the server sets. It knows nothing of
consent.

Usage: site.py init | site.py <port>; the data is kept in $DJANGO_DATA. What its owner
puts into the head and before the end of every page is read from head.html and
foot.html there.
"""

import os
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only for tests",
    DEBUG=False,
    ALLOWED_HOSTS=["www.example.test"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        __name__ + ".Statistics",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ],
        },
    }],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(os.environ["DJANGO_DATA"], "db.sqlite3"),
        },
    },
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    LOGIN_REDIRECT_URL="/",
    LOGOUT_REDIRECT_URL="/",
    LANGUAGE_CODE="en",
    LANGUAGES=[("en", "English"), ("fr", "French"), ("de", "German")],
    USE_I18N=True,
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
)
django.setup()

from django.contrib.auth import views  # noqa: E402
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.urls import include, path  # noqa: E402

def snippet(name):
    """Returns a file of the owner, if there is one."""
    try:
        with open(os.path.join(os.environ["DJANGO_DATA"], name), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


PAGE = """{% load i18n %}<!DOCTYPE html>
<html lang="{{ LANGUAGE_CODE }}">
<head><meta charset="utf-8"><title>Library</title>{{ head|safe }}</head>
<body>
<p id="user">{% if user.is_authenticated %}{{ user.username }}{% else %}nobody{% endif %}</p>
<p id="language">{{ LANGUAGE_CODE }}</p>
<p id="counted">{{ counted }}</p>
<p id="note">{{ note }}</p>
{% if form %}<form id="login" method="post">{% csrf_token %}{{ form.as_p }}<button id="enter">Log in</button></form>{% endif %}
<form id="languages" method="post" action="/i18n/setlang/">{% csrf_token %}
<select name="language"><option value="en">en</option><option value="fr" selected>fr</option></select><button id="speak">Speak</button></form>
{% if user.is_authenticated %}<form id="notes" method="post" action="/note">{% csrf_token %}
<input name="note"><button id="keep">Keep</button></form>
<a id="leave" href="/logout">Log out</a>{% endif %}
{{ foot|safe }}
</body>
</html>
"""


class Statistics:
    """Gives every visitor a number, as many a legacy application does."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if "stats" not in request.COOKIES:
            response.set_cookie("stats", "visitor-17", max_age=10 * 365 * 86400, httponly=True)
        return response


def render(request, **values):
    from django.utils.translation import get_language

    values.update(LANGUAGE_CODE=get_language(), counted=request.COOKIES.get("stats", "not counted"),
                  head=snippet("head.html"), foot=snippet("foot.html"))
    return HttpResponse(engines["django"].from_string(PAGE).render(values, request))


def home(request):
    return render(request, note=request.session.get("note", ""))


@login_required(login_url="/login")
def note(request):
    if request.method == "POST":
        request.session["note"] = request.POST["note"]
    return home(request)


class Login(views.LoginView):
    def render_to_response(self, context, **kwargs):
        return render(self.request, form=context["form"])


urlpatterns = [
    path("", home),
    path("login", Login.as_view()),
    path("logout", views.LogoutView.as_view()),
    path("note", note),
    path("i18n/", include("django.conf.urls.i18n")),
]

if __name__ == "__main__":
    from django.core.management import call_command

    if sys.argv[1] == "init":
        from django.contrib.auth.models import User

        call_command("migrate", verbosity=0)
        User.objects.create_user("ada", password="lovelace")
    else:
        call_command("runserver", "127.0.0.1:" + sys.argv[1], use_reloader=False, verbosity=0)
