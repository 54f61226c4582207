"""Ties the first client of a data directory to a new group: python a_group.py DATA NAME."""

import os
import sqlite3
import sys
import uuid

data, name = sys.argv[1:]
database = sqlite3.connect(os.path.join(data, "keyhaven.db"), timeout=30)
with database:
    client, organization = database.execute("SELECT id, organization FROM clients").fetchone()
    group = uuid.uuid4().bytes
    database.execute(
        "INSERT INTO groups (id, organization, name, bio, created_at) VALUES (?, ?, ?, ?, 0)",
        (group, organization, name, "Three floors"),
    )
    database.execute("INSERT INTO client_groups (client, group_id) VALUES (?, ?)", (client, group))
database.close()
