// Asks the browser for a passkey and sends what it signed. Runs on one page alone, and speaks to nobody else.
"use strict";

const form = document.getElementById("passkey");
const ask = document.getElementById("ask");
const trouble = document.getElementById("trouble");

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function read(options) {
  const named = (one) => ({ ...one, id: bytes(one.id) });
  const read = { ...options, challenge: bytes(options.challenge) };
  if (options.user) read.user = named(options.user);
  if (options.excludeCredentials) read.excludeCredentials = options.excludeCredentials.map(named);
  if (options.allowCredentials) read.allowCredentials = options.allowCredentials.map(named);
  return read;
}

function written(credential) {
  const response = { clientDataJSON: text(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
}

async function show() {
  trouble.hidden = true;
  ask.disabled = true;
  try {
    const publicKey = read(JSON.parse(form.dataset.options));
    const asked = form.dataset.step === "register" ? "create" : "get";
    form.elements.credential.value = written(await navigator.credentials[asked]({ publicKey }));
    form.submit();
  } catch (error) {
    trouble.textContent = `The browser gave no passkey (${error.name}). Try again, or begin again.`;
    trouble.hidden = false;
    ask.disabled = false;
  }
}

ask.addEventListener("click", show);
