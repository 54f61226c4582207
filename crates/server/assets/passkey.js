// Talks to the browser's passkeys (Web Authentication Level 3): `data-passkey` says whether the form
// makes one or uses one, `data-options` holds what the server wants, and the answer goes into the
// form's `credential` field. The server decides everything; nothing is fetched from here.

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const known = (list) => list?.map((entry) => ({ ...entry, id: bytes(entry.id) }));

/** The options with bytes where the browser wants bytes. */
function parsed(options) {
  const key = { ...options, challenge: bytes(options.challenge) };
  if (options.user) key.user = { ...options.user, id: bytes(options.user.id) };
  if (options.allowCredentials) key.allowCredentials = known(options.allowCredentials);
  if (options.excludeCredentials) key.excludeCredentials = known(options.excludeCredentials);
  return key;
}

/** The credential as the JSON of Web Authentication Level 3 §5.1. */
function written(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  });
}

let waiting;

async function ask(form, mediation) {
  waiting?.abort();
  waiting = new AbortController();
  const { publicKey = JSON.parse(form.dataset.options) } = JSON.parse(form.dataset.options);
  const request = { publicKey: parsed(publicKey), signal: waiting.signal };
  if (mediation) request.mediation = mediation;
  const { credentials } = navigator;
  const credential = await (form.dataset.passkey === "create"
    ? credentials.create(request)
    : credentials.get(request));
  form.elements.credential.value = written(credential);
  form.submit();
}

async function press(form) {
  const complaint = form.querySelector("[role=alert]");
  complaint.hidden = true;
  try {
    await ask(form);
  } catch {
    complaint.hidden = false;
  }
}

async function offer(form) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  try {
    await ask(form, "conditional");
  } catch {
    // The person did something else; the button is still there.
  }
}

if (globalThis.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      press(form);
    });
    if ("autofill" in form.dataset) offer(form);
  }
}
