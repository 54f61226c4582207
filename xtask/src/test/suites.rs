//! The suites that are not `cargo test`: other people's clients, browsers, SDKs.

/// A test suite in another language. It ends with a line of its own, `N passed, N failed`, and
/// finds the server's program in `KEYHAVEN_BIN`, the fake provider's in `KEYHAVEN_FAKE_PROVIDER` and
/// a database in `KEYHAVEN_TEST_POSTGRES`.
pub(super) struct Suite {
    pub(super) name: &'static str,
    pub(super) words: &'static [&'static str],
}

/// The suites that run after the Rust tests, from the root of the repository.
pub(super) const SUITES: &[Suite] = &[
    Suite {
        name: "Node clients",
        words: &[
            "node",
            "--test",
            "--test-reporter=./tests/clients/node/tally.mjs",
            "tests/clients/node/published.test.mjs",
            "tests/clients/node/seed.test.mjs",
            "tests/clients/node/keys.test.mjs",
        ],
    },
    Suite {
        name: "Pages in Chromium",
        words: &[
            "node",
            "--test",
            "--test-reporter=./tests/clients/node/tally.mjs",
            "tests/browser/pages.test.mjs",
            "tests/browser/flows.test.mjs",
            "tests/browser/apps.test.mjs",
            "tests/browser/connections.test.mjs",
            "tests/browser/hand_out.test.mjs",
            "tests/browser/upstream.test.mjs",
        ],
    },
    Suite {
        name: "OpenID clients in Node",
        words: &[
            "node",
            "--test",
            "--test-reporter=./tests/clients/node/tally.mjs",
            "tests/browser/relying-parties.test.mjs",
            "tests/browser/auth-core.test.mjs",
        ],
    },
    Suite {
        name: "Python client",
        words: &["sh", "-c", "exec \"$KEYHAVEN_TEST_PYTHON\" tests/clients/python/run.py"],
    },
    Suite {
        name: "Python keys client",
        words: &["sh", "-c", "exec \"$KEYHAVEN_TEST_PYTHON\" tests/clients/python/keys.py"],
    },
    Suite {
        name: "OpenID client in Python",
        words: &[
            "sh",
            "-c",
            "exec \"$KEYHAVEN_TEST_PYTHON\" tests/clients/python/relying_party.py",
        ],
    },
    Suite {
        name: "TypeScript SDK",
        words: &[
            "sh",
            "-c",
            "cd sdks/typescript && npm run --silent build && exec node --test \
             --test-reporter=../../tests/clients/node/tally.mjs test/*.test.mjs \
             ../../tests/clients/node/same.test.mjs",
        ],
    },
    Suite {
        name: "Dashboard",
        words: &[
            "node",
            "--test",
            "--test-reporter=./tests/clients/node/tally.mjs",
            "examples/dashboard/test/dashboard.test.mjs",
        ],
    },
    Suite {
        name: "Go SDK",
        words: &[
            "sh",
            "-c",
            "cd sdks/go && go vet ./... && exec go run ../../tests/clients/go/tally/main.go \
             -race ./...",
        ],
    },
    Suite {
        name: "Outside reader",
        words: &[
            "node",
            "--test",
            "--test-reporter=./tests/clients/node/tally.mjs",
            "tests/reader/reader.test.mjs",
        ],
    },
    Suite {
        name: "SDKs in empty projects",
        words: &[
            "node",
            "--test",
            "--test-reporter=./tests/clients/node/tally.mjs",
            "examples/test/typescript.test.mjs",
            "examples/test/go.test.mjs",
            "examples/test/rust.test.mjs",
        ],
    },
    Suite {
        name: "Go client",
        words: &["sh", "-c", "cd tests/clients/go && exec go run ./tally ."],
    },
    Suite {
        name: "OpenID clients in Go",
        words: &["sh", "-c", "cd tests/clients/go && exec go run ./tally ./openid"],
    },
    Suite {
        name: "OpenID clients in Rust",
        words: &[
            "cargo",
            "run",
            "--quiet",
            "--locked",
            "--manifest-path=tests/clients/rust/Cargo.toml",
            "--target-dir=target/clients/rust",
        ],
    },
];
