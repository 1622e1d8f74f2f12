// The page around the viewer: the path, the options, runs. Everything it shows comes from its own server, by the functions of page.py.
const taken = async answer => {
  const got = await answer;
  if (got.trouble) throw Object.assign(new Error(got.trouble), {gone: Boolean(got.gone)});
  return got.value;
};
const stored = (name, fallback) => { try { return JSON.parse(localStorage.getItem(name)) ?? fallback; } catch { return fallback; } };
const store = (name, value) => { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* the page then forgets at a reload */ } };
const h = (tag, props, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value); else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined));
  return node;
};

const PAGE = "maimod-page", RECENT = "maimod-recent-paths", MOST_RECENT = 12, BUSY_MS = 250, WATCH_MS = 300;
const root = element.querySelector(".mm-page");
const self_ = Math.random().toString(36).slice(2);  // this tab, for what only its last question is worth
let page = {path: "", run: "", watch: true, options: {}, ...stored(PAGE, {})};
let run = "", version = 0, busy = false, timer = 0, shown = null, views = stored("maimod-views", {});

// ------------------------------------------------------------------------------------------------------------------ layout

const field = (label, control) => h("label", {class: "mm-field-label"}, h("span", {}, label), control);
const select = (name, values, texts) => h("select", {"data-option": name, onchange: remember}, values.map((value, i) => h("option", {value, selected: page.options[name] === value}, texts ? texts[i] : value)));
const path = h("input", {type: "text", placeholder: "Mapset folder, .osu or .osz: paste a path and press Enter, or drop files anywhere", "aria-label": "Mapset folder, .osu or .osz", spellcheck: "false", autocomplete: "off", list: "mm-recent",
  onkeydown: event => { if (event.key === "Enter") start(); }});
const recent = h("datalist", {id: "mm-recent"});
const go = h("button", {type: "button", id: "mm-go", class: "mm-go", onclick: () => start()}, "Run");
const stop = h("button", {type: "button", id: "mm-stop", hidden: true, onclick: cancel}, "Cancel");
const more = h("button", {type: "button", id: "mm-options", "aria-expanded": "false", "aria-controls": "mm-drawer", onclick: () => toggle("options")}, "Options");
const docs = h("button", {type: "button", id: "mm-rules", "aria-expanded": "false", onclick: () => toggle("rules")}, "Rules");
const opener = h("button", {type: "button", id: "mm-open", "aria-expanded": "true", onclick: () => toggle("open")}, "Open");
const sheet = h("button", {type: "button", id: "mm-overview", "aria-expanded": "false", hidden: true, onclick: () => toggle("overview")}, "Overview");
const watching = h("input", {type: "checkbox", id: "mm-watch", checked: page.watch, onchange: event => { page.watch = event.target.checked; remember(); poll(); }});
const status = h("div", {class: "mm-run", role: "status", id: "mm-status"});
const picked = h("ul", {id: "mm-difficulties", "aria-label": "Difficulties"});
const pickers = h("div", {class: "mm-pick", hidden: true}, h("p", {class: "mm-number"}, "Difficulties to check (none ticked: all), and their levels where name and settings mislead (Overview has what maimod takes them for)"), picked);
const baseline = h("input", {type: "text", placeholder: "optional .json file", "data-option": "baseline", value: page.options.baseline || "", onchange: remember});
const model = h("input", {type: "text", list: "mm-models", "data-option": "model", value: page.options.model || GIVEN.models[0], onchange: remember});
const level = select("level", ["", ...GIVEN.levels], ["by name and settings", ...GIVEN.levels]);
const least = select("least", GIVEN.scores.map(String), GIVEN.scores.map(score => `${Math.round(100 * score)} % likely or more`));
const device = select("device", GIVEN.devices);
const upload_ = h("input", {type: "file", multiple: true, accept: GIVEN.maps.join(","), id: "mm-upload", "aria-label": "Files to check", onchange: event => dropped(event.target.files)});
const drawer = h("section", {class: "mm-drawer", id: "mm-drawer", hidden: true, "aria-label": "Options"},
  h("div", {class: "mm-grid"}, field("Model", model), field("Device", device), field("Level of the difficulty", level), field("Estimates to list", least), field("Baseline", baseline), field("Files: .osz, or .osu and its song", upload_)),
  pickers, h("datalist", {id: "mm-models"}, GIVEN.models.map(name => h("option", {value: name}))), h("p", {class: "mm-privacy"}, GIVEN.privacy));
const rules = h("section", {class: "mm-drawer mm-rules", hidden: true, "aria-label": "Rules"});
const over = h("section", {class: "mm-drawer mm-rules", hidden: true, tabindex: "0", "aria-label": "Overview of the mapset"});
const welcome = h("section", {class: "mm-welcome"});
const view = h("div", {class: "mm-root"});
root.replaceChildren(
  h("header", {class: "mm-bar"}, h("h1", {}, "maimod"), h("span", {class: "mm-number"}, GIVEN.version),
    h("div", {id: "mm-path"}, path, recent), go, stop, h("label", {class: "mm-watching", title: "Checks a difficulty again when it is saved"}, watching, " on save"), opener, sheet, more, docs),
  status, drawer, rules, over, welcome, view);

function remember() {
  for (const node of drawer.querySelectorAll("[data-option]")) page.options[node.dataset.option] = node.value;
  store(PAGE, page);
}

function toggle(name) {
  for (const [own, panel, button] of [["options", drawer, more], ["rules", rules, docs], ["overview", over, sheet], ["open", welcome, opener]]) {
    panel.hidden = own !== name || !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
  }
  if (!rules.hidden && !rules.childElementCount) showRules();
  if (!drawer.hidden) choices();
  if (!welcome.hidden) welcomeAgain();
  if (!over.hidden) {
    over.replaceChildren(h("p", {}, "Reading the set …"));
    taken(server.overview({run})).then(html => { over.innerHTML = html; over.prepend(h("h2", {}, "Overview")); }, error => { over.textContent = String(error.message || error); });
  }
}

let refused = "";  // why the last thing asked for was not done: it stays until the next, whatever polls have to say

function refuse(error) { refused = String(error.message || error); say(refused, "error"); }

function say(text, kind = "", share = null) {
  const bar = share === null ? [] : [h("progress", {max: 1, value: share, "aria-label": "Progress"})];
  status.className = `mm-run ${kind}`;
  status.replaceChildren(...bar, h("span", {}, text));
}

function welcomeAgain() {
  const known = stored(RECENT, []);
  recent.replaceChildren(...known.map(one => h("option", {value: one})));
  sheet.hidden = !run;
  if (welcome.hidden) return;
  welcome.replaceChildren(
    h("label", {class: "mm-drop"}, "Drop a mapset folder, an .osz or .olz, or a .osu with its song", h("span", {}, "or choose files"), h("input", {type: "file", multiple: true, accept: GIVEN.maps.join(","), "aria-label": "Choose files", onchange: event => dropped(event.target.files)})),
    h("div", {class: "mm-ways"},
      h("button", {type: "button", id: "mm-editor", title: "By tosu, which reads the game's memory", onclick: fromEditor}, "The map that is open in osu!"),
      h("label", {class: "mm-button"}, "A folder", h("input", {type: "file", id: "mm-folder", webkitdirectory: true, "aria-label": "Choose a folder", onchange: event => dropped(event.target.files)})),
      ...(GIVEN.example ? [h("button", {type: "button", id: "mm-example", onclick: () => open(GIVEN.example)}, "The example, with planted mistakes")] : [])),
    songs(),
    ...(known.length ? [h("h2", {}, "Recent"), h("ul", {}, known.map(one => h("li", {}, h("button", {type: "button", onclick: () => open(one)}, one))))] : []),
    h("p", {class: "mm-privacy"}, GIVEN.privacy));
}

// Mapsets of the Songs folder, the last changed first.
function songs() {
  const folder = h("input", {type: "text", id: "mm-songs", value: page.songs || GIVEN.songs, placeholder: "C:\\osu!\\Songs", "aria-label": "Folder", spellcheck: "false", oninput: list});
  const search = h("input", {type: "search", id: "mm-songs-search", placeholder: "Search the mapsets", "aria-label": "Search the mapsets", oninput: list});
  const found = h("ul", {class: "mm-sets"});
  async function list() {
    page.songs = folder.value;
    remember();
    const asked = `${folder.value}\n${search.value}`;
    list.last = asked;
    let rows;
    try {
      const listed = await taken(server.browse({folder: folder.value, text: search.value}));
      const row = (one, mark) => h("li", {}, h("button", {type: "button", class: `mm-${one.kind}`, onclick: () => one.kind === "folder" ? into(one.path) : open(one.path)}, mark, one.name));
      rows = listed.rows.map(one => row(one, {folder: "▸ ", here: "This folder: ", set: ""}[one.kind]));
      if (!rows.length) rows = [h("li", {class: "mm-number"}, search.value.trim() ? "Nothing here has these words." : "Nothing here can be opened.")];
      if (listed.parent && !search.value.trim()) rows.unshift(row({name: listed.parent, path: listed.parent, kind: "folder"}, "▴ "));
    } catch (error) { rows = [h("li", {class: "mm-number"}, String(error.message || error))]; }
    if (list.last === asked) found.replaceChildren(...rows);
  }
  function into(place) { folder.value = place; search.value = ""; list().then(() => found.querySelector("button")?.focus()); }
  list();
  const known = [["Songs of osu!", GIVEN.songs], ["Exports of osu!lazer", GIVEN.exported]].filter(([, place]) => place);
  return h("div", {}, h("h2", {}, "On this computer", ...known.map(([name, place]) => h("button", {type: "button", class: "mm-known", onclick: () => into(place)}, name))), h("div", {class: "mm-songs"}, folder, search), found);
}

function choose() {
  page.options.picked = [...picked.querySelectorAll("input:checked")].map(one => one.value);
  page.chosenIn = path.value.trim();
  page.options.levels = Object.fromEntries([...picked.querySelectorAll("select")].filter(one => one.value).map(one => [one.dataset.name, one.value]));
  remember();
}

async function choices() {
  try {
    const found = await taken(server.difficulties({path: path.value}));
    const isOwn = page.chosenIn === path.value.trim(), chosen = new Set(isOwn ? page.options.picked : []), levels = isOwn ? page.options.levels : {};
    picked.replaceChildren(...found.map(one => h("li", {},
      h("label", {}, h("input", {type: "checkbox", value: one.location, checked: chosen.has(one.location), onchange: choose}), " ", one.name),
      h("select", {"data-name": one.name, "aria-label": `Level of ${one.name}`, onchange: choose}, ["", ...GIVEN.levels].map(name => h("option", {value: name, selected: levels[one.name] === name}, name || "by name and settings"))))));
    pickers.hidden = !found.length;
    level.closest("label").hidden = found.length > 0;  // each has its own
  } catch { pickers.hidden = true; level.closest("label").hidden = false; }
}

async function showRules() {
  const search = h("input", {type: "search", placeholder: "Search the rules", "aria-label": "Search the rules"}), list = h("div", {});
  const known = await taken(server.rules({}));
  const said = rule => [rule.id, rule.title, rule.severity, rule.tier, ...rule.texts.map(([, text]) => text)].join(" ").toLowerCase();  // without the headings, which all rules have
  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/);
    const found = known.filter(rule => words.every(word => said(rule).includes(word)));
    list.replaceChildren(...found.map(rule => h("details", {}, h("summary", {}, rule.title, " ", h("code", {}, rule.id), h("span", {class: "mm-number"}, ` ${rule.severity} at most · ${rule.tier}`)),
      h("dl", {}, rule.texts.flatMap(([heading, text]) => [h("dt", {}, heading), h("dd", {}, text === rule.source ? h("a", {href: text, rel: "noreferrer", target: "_blank"}, text) : text)])))));
  };
  search.addEventListener("input", draw);
  rules.replaceChildren(search, list);
  draw();
}

// -------------------------------------------------------------------------------------------------------------------- runs

function open(place, file = "") { path.value = place; wanted = file; start(); }

async function fromEditor() {
  refused = "";
  say("Asking tosu", "busy");
  try { const found = await taken(server.editor({})); open(found.path, found.file); }
  catch (error) { refuse(error); }
}

async function start() {
  path.value = path.value.trim();
  remember();
  refused = "";
  say("Starting", "busy");
  try {
    if (page.chosenIn !== path.value) Object.assign(page.options, {picked: [], levels: {}});  // those are of another set
    const begun = await taken(server.start({...page.options, path: path.value, instead: run}));
    page.path = path.value;
    if (!page.path.includes("maimod-ui-")) store(RECENT, [page.path, ...stored(RECENT, []).filter(one => one !== page.path)].slice(0, MOST_RECENT));
    toggle("");
    follow(begun.run);
  } catch (error) { refuse(error); }
}

function follow(name) {
  if (name !== run) { run = name; version = 0; page.run = name; remember(); }
  busy = true;
  welcomeAgain();
  poll();
}

function cancel() { server.cancel({run}).then(poll); }

let asking = false, changing = "";
async function poll() {
  clearTimeout(timer);
  if (!run || asking) return;
  asking = true;
  const name = run;
  try {
    const answer = await taken(server.poll({run: name, version, watch: page.watch && !busy}));
    if (name === run) {
      if (answer.data) await take(answer.data, answer.path);
      busy = answer.status.busy;
      stop.hidden = !busy; go.hidden = busy;
      if (!refused) say(answer.status.text || (page.watch ? "Watching: a saved difficulty is checked again" : ""), answer.status.kind, answer.status.share);
      if (answer.next && answer.next !== run) { run = answer.next; version = 0; page.run = run; busy = true; remember(); }
    }
  } catch (error) {
    if (error.gone && page.path) { asking = false; run = ""; path.value = page.path; await start(); return; }  // the server was started again
    say(String(error.message || error), "error");
    busy = false;
  }
  asking = false;
  if (busy || page.watch) timer = setTimeout(poll, busy ? BUSY_MS : WATCH_MS);
}

let of = "", wanted = "";  // the file of the difficulty to show first
async function take(data, place) {
  version = data.version;
  if (!shown) { shown = maimodViewer(view, host); }
  const isSame = of === place;
  if (!isSame) host.state = views[place] || null;
  of = place;
  shown.show(data, isSame);
  if (wanted && shown.choose(wanted)) wanted = "";
}

const host = {
  name: "ui",
  exports: GIVEN.exports,
  state: null,
  keep: state => {
    if (!of) return;
    views = {...Object.fromEntries(Object.entries(views).slice(-30)), [of]: state};
    store("maimod-views", views);
  },
  strip: beatmap => taken(server.strip({run, beatmap})),
  evidence: key => taken(server.evidence({run, key})),
  continuations: key => taken(server.continuations({run, key, page: self_})),
  forget: () => taken(server.continuations({run, key: "", page: self_})).catch(() => {}),
  clip: (key, hits) => taken(server.clip({run, key, hits})),
  mark: (keys, state) => taken(server.mark({run, keys, state})),
  clear: () => taken(server.clear({run})).then(poll, refuse),
  export: async (format, keys) => {
    try {
      const file = await taken(server.export({run, format, keys}));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([file.text], {type: file.type}));
      link.download = file.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      return `Saved ${file.name}: ${keys.length} finding${keys.length === 1 ? "" : "s"}`;
    } catch (error) { return String(error.message || error); }
  },
};

// ------------------------------------------------------------------------------------------------------------------- files

// Files, each with its name in the folder that it comes from.
async function dropped(files) {
  const given = [...files].map(file => ({file, name: file.inFolder || file.webkitRelativePath || file.name}))
    .filter(one => GIVEN.uploads.some(ending => one.name.toLowerCase().endsWith(ending)) && !one.name.split("/").some(part => part.startsWith(".")));
  if (!files.length) return;
  refused = "";
  if (!given.length) { refuse(`maimod takes mapset folders and ${GIVEN.maps.join(", ")}`); return; }
  const size = given.reduce((sum, one) => sum + one.file.size, 0);
  if (size > GIVEN.most) { refuse(`${Math.round(size / 2 ** 20)} MB are more than a page can take (${GIVEN.most >> 20} MB): enter the path of the folder`); return; }
  try {
    const sent = [];
    for (let i = 0; i < given.length; i += 8) {
      say(`Reading ${given.length === 1 ? given[0].name : `${i + 1} of ${given.length} files`}`, "busy", i / given.length);
      sent.push(...await Promise.all(given.slice(i, i + 8).map(one => upload(one.file))));
    }
    open(await taken(server.gather({files: sent.map(one => one.path), names: given.map(one => one.name)})));
  } catch (error) { refuse(error); }
}

// All files of dropped folders; browsers list a folder in parts.
async function filesOf(entries) {
  const found = [];
  for (const entry of entries) {
    if (entry.isFile) {
      const file = await new Promise((done, failed) => entry.file(done, failed));
      file.inFolder = entry.fullPath.replace(/^\//, "");
      found.push(file);
    } else {
      const reader = entry.createReader();
      for (let part; (part = await new Promise((done, failed) => reader.readEntries(done, failed))).length;) found.push(...await filesOf(part));
    }
  }
  return found;
}
root.addEventListener("keydown", event => {  // Escape closes what is open above the findings
  const isOpen = run && [drawer, rules, over, welcome].some(panel => !panel.hidden);
  if (event.key === "Escape" && isOpen) { toggle(""); root.querySelector(".mm-list")?.focus(); }
});
root.addEventListener("dragover", event => { event.preventDefault(); root.classList.add("mm-dragging"); });
root.addEventListener("dragleave", event => { if (!root.contains(event.relatedTarget)) root.classList.remove("mm-dragging"); });
root.addEventListener("drop", event => { event.preventDefault(); root.classList.remove("mm-dragging");
  const entries = [...event.dataTransfer.items].map(one => one.webkitGetAsEntry && one.webkitGetAsEntry()).filter(Boolean);
  if (entries.some(one => one.isDirectory)) filesOf(entries).then(dropped, refuse);
  else dropped(event.dataTransfer.files);
});

// ------------------------------------------------------------------------------------------------------------------- begin

path.value = GIVEN.path || page.path;
say("");
if (page.run && (!GIVEN.path || GIVEN.path === page.path)) { toggle(""); follow(page.run); }
else if (GIVEN.path) start();
else welcomeAgain();
