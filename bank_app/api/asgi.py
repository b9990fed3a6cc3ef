"""The API alone, for an ASGI server: `granian --interface asgi bank_app.api.asgi:api`. Knows nothing of the pages."""

from __future__ import annotations

import os

from bank_app import collector, data_folder, logs, settings
from bank_app.api.app import create_api
from bank_app.api.front import Front
from bank_app.database import Database
from bank_app.edge.front import Edge

os.umask(data_folder.OWN_FILES_ONLY)
_settings = settings.load()
logs.configure(_settings)
api = Edge(Front(create_api(Database(_settings), _settings)), _settings)
collector.settle()
