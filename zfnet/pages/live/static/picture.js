// Where pictures come from: files, the clipboard, what is dropped, the camera, the gallery.
import {$, h, put, ask, trouble} from "./base.js";
import {state, tell, on, size} from "./state.js";

// before: what it is compared with, the picture that was there unless another is given.
export async function take(answer, before = state.picture, watch = undefined) {
  if (!answer) return;
  trouble("");
  state.before = before;
  state.watch = watch;
  state.picture = answer;
  state.place = null;
  $("back").disabled = !state.before;
  show();
  await tell("picture");
}

export function show() {
  $("shown").src = $("drawn").src = state.picture.pixels[state.network];
  $("shown").hidden = false;
  $("empty").hidden = true;
  $("name").textContent = state.picture.name;
  $("over").setAttribute("viewBox", `0 0 ${size()} ${size()}`);
}

const upload = async (blob, name) => blob && take(await ask(`upload?name=${encodeURIComponent(name || "pasted.png")}`, blob));

export async function begin() {
  if (state.about.examples.length) await take(await ask("ask/example", {number: 0}));
}

on("network", () => { if (state.picture) show(); });
$("file").addEventListener("change", (event) => { const [file] = event.target.files; if (file) upload(file, file.name); event.target.value = ""; });
addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
  if (file) upload(file, file.name);
});
addEventListener("dragover", (event) => { event.preventDefault(); $("frame").classList.add("over"); });
addEventListener("dragleave", () => $("frame").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  $("frame").classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) upload(file, file.name); else trouble("that was no file: save the picture first, then drop it here");
});
$("back").addEventListener("click", () => state.before && take({...state.before}, state.picture, state.watch));

let stream = null;
function unplug() {
  for (const track of stream ? stream.getTracks() : []) track.stop();
  stream = null;
  $("webcam").hidden = true;
}
$("camera").addEventListener("click", async () => {
  if (!navigator.mediaDevices) return trouble("the browser gives the camera to pages of this machine alone (127.0.0.1) or by https");
  try { stream = await navigator.mediaDevices.getUserMedia({video: true}); } catch (error) { return trouble(`no camera: ${error.message}`); }
  $("video").srcObject = stream;
  $("webcam").hidden = false;
  await $("video").play();
});
$("shoot").addEventListener("click", () => {
  const video = $("video"), canvas = h("canvas", {width: video.videoWidth, height: video.videoHeight});
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => upload(blob, "camera.png"), "image/png");
});
$("unplug").addEventListener("click", unplug);

on("ready", () => {
  put($("gallery"), state.about.examples.map((name, number) => h("button", {type: "button", title: name, onclick: async () => take(await ask("ask/example", {number}))},
    h("img", {src: `example/${number}`, alt: name, width: 56, height: 56, loading: "lazy"}))));
});
