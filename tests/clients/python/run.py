"""The published Python SDK, unmodified: create, refresh and revoke against a live server."""

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

from moovio_sdk import Moov
from moovio_sdk.models import components, errors

CREATE = components.GrantType.CLIENT_CREDENTIALS
REFRESH = components.GrantType.REFRESH_TOKEN


SCOPE = "/accounts.read /ping.read"


class Server:
    """The built program on a fresh data directory and a free port, with a client registered by the
    command line beside it."""

    def __init__(self):
        program = os.environ.get("KEYHAVEN_BIN")
        if not program:
            raise RuntimeError("KEYHAVEN_BIN names no program: run `cargo xtask test`")
        self.folder = tempfile.TemporaryDirectory(prefix="keyhaven-clients-")
        self.log = open(os.path.join(self.folder.name, "log"), "w+")
        instance = [program, "--data", os.path.join(self.folder.name, "data")]
        words = [*instance, "serve"]
        words += ["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"]
        # What the suite is told by KEYHAVEN_… variables would be settings to the server.
        others = {n: v for n, v in os.environ.items() if not n.startswith("KEYHAVEN_")}
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=self.log, text=True, env=others
        )
        greeting = ""
        while not re.search(r"curl -u ", greeting):
            line = self.process.stdout.readline()
            if not line:
                self.log.seek(0)
                raise RuntimeError(f"the server ended before its first line: {self.log.read()}")
            greeting += line
        self.url = "http://127.0.0.1:" + re.search(r"http://localhost:(\d+)", greeting)[1]
        words = [*instance, "client", "create", "--json", "--org", "default", "--name", "Clients"]
        words += ["--grant", "client_credentials", "--grant", "refresh_token"]
        words += [word for scope in SCOPE.split() for word in ("--scope", scope)]
        client = json.loads(subprocess.check_output(words, env=others))
        self.id, self.secret = client["client_id"], client["client_secret"]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()
        self.folder.cleanup()

    def is_active(self, token):
        pair = base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()
        request = urllib.request.Request(
            self.url + "/oauth2/introspect",
            data=urllib.parse.urlencode({"token": token}).encode(),
            headers={"Authorization": f"Basic {pair}"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["active"]


class PublishedSdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def authentication(self, secret=None):
        security = components.Security(
            username=self.server.id, password=secret or self.server.secret
        )
        return Moov(server_url=self.server.url, security=security).authentication

    def create(self, **fields):
        answer = self.authentication().create_access_token(
            grant_type=CREATE, scope=SCOPE, **fields
        )
        return answer.result

    def refresh(self, token):
        return self.authentication().create_access_token(
            grant_type=REFRESH, refresh_token=token
        ).result

    def refused(self, code, call, *words, **fields):
        with self.assertRaises(errors.GenericError) as caught:
            call(*words, **fields)
        self.assertEqual(caught.exception.data.error, code)

    def test_creates_a_token(self):
        token = self.create()
        self.assertEqual(token.token_type, "Bearer")
        self.assertEqual(token.scope, SCOPE)
        left = token.expires_in - time.time()
        self.assertTrue(0 < left <= 600, "expires_in is a Unix timestamp")
        self.assertTrue(self.server.is_active(token.access_token))

    def test_creates_a_token_with_credentials_in_the_body(self):
        security = components.Security(username="", password="")
        answer = Moov(server_url=self.server.url, security=security).authentication
        token = answer.create_access_token(
            grant_type=CREATE,
            client_id=self.server.id,
            client_secret=self.server.secret,
            scope="/ping.read",
        ).result
        self.assertEqual(token.scope, "/ping.read")

    def test_creates_a_token_for_each_client_type(self):
        for kind in components.OAuth2ClientType:
            self.assertTrue(self.create(client_type=kind).access_token)

    def test_creates_a_token_without_blocking(self):
        async def create():
            return await self.authentication().create_access_token_async(
                grant_type=CREATE, scope="/ping.read"
            )

        self.assertEqual(asyncio.run(create()).result.scope, "/ping.read")

    def test_refreshes_a_token_and_the_refresh_token_rotates(self):
        token = self.create()
        fresh = self.refresh(token.refresh_token)
        self.assertNotEqual(fresh.refresh_token, token.refresh_token)
        self.assertTrue(self.server.is_active(fresh.access_token))

    def test_revokes_an_access_token(self):
        token = self.create()
        hint = components.TokenTypeHint.ACCESS_TOKEN
        self.authentication().revoke_access_token(token=token.access_token, token_type_hint=hint)
        self.assertFalse(self.server.is_active(token.access_token))
        self.refresh(token.refresh_token)

    def test_revokes_a_refresh_token_with_its_access_tokens(self):
        token = self.create()
        self.authentication().revoke_access_token(token=token.refresh_token)
        self.assertFalse(self.server.is_active(token.access_token))
        self.refused("invalid_grant", self.refresh, token.refresh_token)

    def test_hears_of_a_wrong_secret_as_a_typed_error(self):
        wrong = self.authentication("wrong")
        create = wrong.create_access_token
        self.refused("invalid_client", create, grant_type=CREATE, scope="/ping.read")
        self.refused("invalid_client", wrong.revoke_access_token, token="x")

    def test_hears_of_an_unknown_refresh_token_as_a_typed_error(self):
        self.refused("invalid_grant", self.refresh, "rt_Qb82")

    def test_hears_of_a_missing_scope_under_its_name(self):
        with self.assertRaises(errors.AuthTokenRequestError) as caught:
            self.authentication().create_access_token(grant_type=CREATE)
        self.assertRegex(caught.exception.data.scope, "^scope is missing")
        self.assertIsNone(caught.exception.data.refresh_token)

    def test_hears_of_a_token_to_revoke_that_is_too_long_under_its_name(self):
        with self.assertRaises(errors.RevokeTokenRequestError) as caught:
            self.authentication().revoke_access_token(token="x" * 4097)
        self.assertRegex(caught.exception.data.token, "^token is longer")

    def test_loses_the_family_when_an_old_refresh_token_comes_back(self):
        first = self.create()
        second = self.refresh(first.refresh_token)
        third = self.refresh(second.refresh_token)
        self.refused("invalid_grant", self.refresh, first.refresh_token)
        self.refused("invalid_grant", self.refresh, third.refresh_token)
        self.assertFalse(self.server.is_active(third.access_token))


def main():
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(PublishedSdk)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.skipped)
    print(f"python: {max(result.testsRun - failed, 0)} passed, {failed} failed")
    return 0 if failed == 0 and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
