from django.apps import AppConfig


class SqlStoreConfig(AppConfig):
    name = "leaderboardapp.stores.sql"
    label = "store"
