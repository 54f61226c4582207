"""Authlib, unmodified, in a Flask app: it discovers the server, signs somebody in, reads who it is,
refreshes, and signs out. The browser between is Chromium, on the stage of tests/browser."""

import json
import os
import subprocess
import sys
import unittest

from authlib.integrations.base_client.errors import MismatchingStateError, OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, request

STAGE = os.path.join(os.path.dirname(__file__), "../../browser/stage.mjs")


class Stage:
    """A server, an app's registration, and somebody with a browser."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["node", STAGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.told = json.loads(self.read())

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the stage ended; it says why above")
        return line.strip()

    def visit(self, address):
        """Opens an address in the browser; where that led."""
        self.process.stdin.write(address + "\n")
        self.process.stdin.flush()
        return self.read()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def make_app(told):
    """The app: its pages answer with what Authlib learned."""
    app = Flask(__name__)
    app.secret_key = "for the cookie of a test"
    oauth = OAuth(app)
    oauth.register(
        "keyhaven",
        client_id=told["client_id"],
        client_secret=told["client_secret"],
        server_metadata_url=told["issuer"] + "/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
    )

    @app.get("/login")
    def login():
        return oauth.keyhaven.authorize_redirect(told["callback"])

    @app.get("/callback")
    def callback():
        return jsonify(oauth.keyhaven.authorize_access_token())

    @app.post("/userinfo")
    def userinfo():
        return jsonify(oauth.keyhaven.userinfo(token=request.get_json()))

    @app.post("/refresh")
    def refresh():
        token = request.get_json()["refresh_token"]
        return jsonify(
            oauth.keyhaven.fetch_access_token(grant_type="refresh_token", refresh_token=token)
        )

    @app.post("/logout")
    def logout():
        return oauth.keyhaven.logout_redirect(
            post_logout_redirect_uri=told["bye"], id_token_hint=request.get_json()["id_token"]
        )

    return app


class Authlib(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.stop)

    def setUp(self):
        app = make_app(self.stage.told)
        app.testing = True
        self.app = app.test_client()

    def sign_in(self):
        landed = self.stage.visit(self.app.get("/login").location)
        self.assertTrue(landed.startswith(self.stage.told["callback"] + "?"), landed)
        return self.app.get("/callback?" + landed.split("?")[1])

    def is_the_visitor(self, told):
        self.assertEqual(told["email"], self.stage.told["email"])
        self.assertEqual(told["name"], self.stage.told["name"])

    def test_signs_in_refreshes_and_signs_out(self):
        token = self.sign_in().json
        # From the ID token, whose signature, issuer, audience and nonce were checked.
        subject = token["userinfo"]["sub"]
        told = self.app.post("/userinfo", json=token).json
        self.assertEqual(told["sub"], subject)
        self.is_the_visitor(told)

        fresh = {**token, **self.app.post("/refresh", json=token).json}
        self.assertNotEqual(fresh["access_token"], token["access_token"])
        self.is_the_visitor(self.app.post("/userinfo", json=fresh).json)

        left = self.stage.visit(self.app.post("/logout", json=token).location)
        self.assertTrue(left.startswith(self.stage.told["bye"] + "?state="), left)
        with self.assertRaises(OAuthError) as caught:
            self.app.post("/refresh", json=fresh)
        self.assertEqual(caught.exception.error, "invalid_grant")

    def test_takes_no_answer_to_another_request(self):
        landed = self.stage.visit(self.app.get("/login").location)
        stranger = make_app(self.stage.told)
        stranger.testing = True
        with self.assertRaises(MismatchingStateError):
            stranger.test_client().get("/callback?" + landed.split("?")[1])


def main():
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Authlib)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.skipped)
    print(f"python: {max(result.testsRun - failed, 0)} passed, {failed} failed")
    return 0 if failed == 0 and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
