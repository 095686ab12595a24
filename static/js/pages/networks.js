// Sends a network's file in pieces, for a request takes only so many bytes; then the form, with their number.

import { newUuid } from "../core/uuid.js";
import { byId, started } from "../parts/dom.js";

const MOST_TRIES = 3;
const PAUSE = 2000; // milliseconds before a piece is sent again

const form = byId("add-network");
const { piece: pieceBytes, address, failed } = form.dataset;
const size = Number(pieceBytes);
const problem = byId("upload-problem");
const sent = byId("sent");
const fields = form.elements;
let token = newUuid();
let done = 0; // pieces that arrived; where the upload broke off it goes on there
let chosen = null;

async function send(file, number) {
  const url = address.replace("00000000-0000-0000-0000-000000000000", token).replace(/0\/$/, `${number}/`);
  const headers = { "X-CSRFToken": fields.csrfmiddlewaretoken.value, "Content-Type": "application/octet-stream" };
  const body = file.slice(number * size, (number + 1) * size);
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(url, { method: "POST", headers, body, credentials: "same-origin" });
      if (answer.ok) return;
      if (answer.status < 500) throw new Refused(answer.status === 422 ? await answer.text() : failed);
    } catch (error) {
      if (error instanceof Refused) throw error;
    }
    if (attempt === MOST_TRIES) throw new Refused(failed);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

class Refused extends Error {}

async function upload(file) {
  const count = Math.ceil(file.size / size);
  sent.hidden = false;
  while (done < count) {
    await send(file, done);
    done += 1;
    sent.value = done / count;
  }
  fields.token.value = token;
  fields.pieces.value = count;
  fields.file_name.value = file.name;
  fields.file.disabled = true; // it is there already
  form.submit();
}

form.addEventListener("submit", async (event) => {
  const [file] = fields.file.files;
  if (!file?.size) return; // the server says what is missing
  event.preventDefault();
  if (file !== chosen) [token, done, chosen] = [newUuid(), 0, file];
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  problem.hidden = true;
  try {
    await upload(file);
  } catch (error) {
    problem.textContent = error instanceof Refused ? error.message : failed;
    problem.hidden = false;
    button.disabled = false;
    fields.file.disabled = false;
  }
});

started();
