"""The published Python SDK of the user-controlled keys family, unmodified: a code for a key, the
exchange, and what the key says of itself."""

import hashlib
import base64
import json
import os
import subprocess
import sys
import unittest

from openrouter import OpenRouter, errors

from run import Server

CALLBACK = "https://notes.example/cb"
VERIFIER = "h3Jt9PzWq0sLxRk2Yc7VbNf5Ae8UdGm1Ti4OoQp6Zw-"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


class PublishedSdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)
        words = [os.environ["KEYHAVEN_BIN"], "--data", os.path.join(cls.server.folder.name, "data")]
        words += ["key", "create", "--json", "--org", "default", "--label", "Clients"]
        others = {n: v for n, v in os.environ.items() if not n.startswith("KEYHAVEN_")}
        cls.key = json.loads(subprocess.check_output(words, env=others))["secret"]

    def client(self, key):
        return OpenRouter(api_key=key, server_url=self.server.url + "/api/v1", retry_config=None)

    def code(self, **members):
        with self.client(self.key) as client:
            return client.o_auth.create_auth_code(callback_url=CALLBACK, **members).data

    def exchange(self, **members):
        with self.client(None) as client:
            return client.o_auth.exchange_auth_code_for_api_key(**members)

    def test_a_code_becomes_a_key_that_is_limited_as_asked(self):
        code = self.code(code_challenge=CHALLENGE, code_challenge_method="S256", limit=25)
        self.assertGreater(code.app_id, 0)
        handed = self.exchange(code=code.id, code_verifier=VERIFIER, code_challenge_method="S256")
        self.assertTrue(handed.key.startswith("kh_key_"))
        self.assertIsNone(handed.user_id)
        with self.client(handed.key) as client:
            said = client.api_keys.get_current_key_metadata().data
        self.assertEqual((said.limit, said.limit_remaining), (25, 25))

    def test_a_spent_code_and_a_wrong_verifier_are_its_forbidden_error(self):
        code = self.code(code_challenge=CHALLENGE, code_challenge_method="S256")
        with self.assertRaises(errors.ForbiddenResponseError):
            self.exchange(code=code.id, code_verifier="x" * 43, code_challenge_method="S256")
        self.exchange(code=code.id, code_verifier=VERIFIER, code_challenge_method="S256")
        with self.assertRaises(errors.ForbiddenResponseError):
            self.exchange(code=code.id, code_verifier=VERIFIER, code_challenge_method="S256")

    def test_another_method_is_its_bad_request_error(self):
        code = self.code(code_challenge=CHALLENGE, code_challenge_method="S256")
        with self.assertRaises(errors.BadRequestResponseError):
            self.exchange(code=code.id, code_verifier=VERIFIER, code_challenge_method="plain")


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(PublishedSdk)
    outcome = unittest.TextTestRunner(stream=sys.stderr, verbosity=0).run(suite)
    failed = len(outcome.failures) + len(outcome.errors)
    print(f"python: {outcome.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed or not outcome.testsRun else 0)
