// The lines of the SDKs' READMEs and of pages written by hand as programs: `program URL ID SECRET`. Only
// what stands for a reader's own server and credentials is put in.

import { readme } from "./projects.mjs";

const URL = /"http:\/\/localhost:8484"/g;

export async function typescriptReadme() {
  const lines = (await readme("sdks/typescript/README.md", "ts")).replaceAll(URL, "words[0]!");
  return `declare const process: { argv: string[] };
const words = process.argv.slice(2);
const [, clientId = "", clientSecret = ""] = words;
const credential = "kh_key_nothing";
${lines}`;
}

export async function goReadme() {
  const lines = (await readme("sdks/go/README.md", "go")).replaceAll(URL, "url");
  return `package main

import (
	"context"
	"fmt"
	"log"
	"os"

	keyhaven "github.com/keyhaven/keyhaven/sdks/go"
	"github.com/keyhaven/keyhaven/sdks/go/operations"
	"github.com/keyhaven/keyhaven/sdks/go/shared"
)

func main() {
	words := os.Args[1:]
	if err := run(context.Background(), words[0], words[1], shared.Secret(words[2])); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, url, id string, secret shared.Secret) error {
${lines}
	return nil
}
`;
}

export async function rustReadme() {
  const lines = (await readme("sdks/rust/README.md", "rust,no_run"))
    .replaceAll(/^# /gm, "")
    .replaceAll(URL, "&std::env::args().nth(1).unwrap()")
    .replaceAll('"kh_client_…"', "std::env::args().nth(2).unwrap()")
    .replaceAll('"kh_secret_…"', "std::env::args().nth(3).unwrap()");
  return `${lines}
#[tokio::main]
async fn main() -> Result<(), keyhaven_sdk::Error> {
    run().await
}
`;
}

const TOKENS = "docs/sdks/tokens.md";

export async function typescriptTokens() {
  return `declare const process: { argv: string[] };
const [serverURL = "", clientId = "", clientSecret = ""] = process.argv.slice(2);
${await readme(TOKENS, "ts")}
console.log([byKey, boundClient, renewed, exchanged, asserted, signIn].length);
`;
}

/** The page of hooks, with a tracer that prints. */
export async function typescriptHooks() {
  return `declare const process: { argv: string[] };
const [serverURL = "", clientId = "", clientSecret = ""] = process.argv.slice(2);
${await readme("docs/sdks/hooks.md", "ts")}
const tracer = {
  startSpan: (name: string) => ({
    setAttribute: (what: string, value: unknown) => console.log("span", name, what, value),
    recordException: console.error,
    end: () => console.log("span", name, "ended"),
  }),
};
await new Client({ serverURL, tokenSource, hooks: spans(tracer) }).signingKeys.listSigningKeys();
`;
}

export async function goTokens() {
  return `package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"log"
	"os"

	keyhaven "github.com/keyhaven/keyhaven/sdks/go"
	"github.com/keyhaven/keyhaven/sdks/go/operations"
	"github.com/keyhaven/keyhaven/sdks/go/shared"
)

func main() {
	words := os.Args[1:]
	if err := run(context.Background(), words[0], words[1], shared.Secret(words[2])); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, serverURL, id string, secret shared.Secret) error {
${await readme(TOKENS, "go")}
	_, _, _, _, _, _ = byKey, boundClient, renewed, exchanged, asserted, signIn
	return nil
}
`;
}

export async function rustTokens() {
  return `use std::sync::Arc;

use keyhaven_sdk::tokens::{DeviceCode, FileStore, JwtBearer, PrivateKeyJwt, Reveal, TokenExchange};
use keyhaven_sdk::{Client, ClientCredentials, Dpop, RefreshToken, Secret, SigningKey};

#[tokio::main]
async fn main() -> Result<(), keyhaven_sdk::Error> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (server_url, id, secret) = (words[0].as_str(), words[1].as_str(), words[2].as_str());
    ${await readme(TOKENS, "rust")}
    drop((by_key, bound_client, renewed, exchanged, asserted, sign_in));
    Ok(())
}
`;
}
