// Takes the one-time code out of the address. It travels behind the `#`, so that it reaches neither
// a server's log nor a referrer, and leaves the address bar and the history as soon as it was read.
// Without this script one pastes it into the field.

const form = document.querySelector("form[data-fragment]");
const field = form?.elements[form.dataset.fragment];
const code = decodeURIComponent(location.hash.slice(1));

if (field && code.startsWith("kh_once_")) {
  field.value = code;
  field.closest(".field").hidden = true;
  history.replaceState(null, "", location.pathname + location.search);
}
