/* The viewer of findings: timeline, list, evidence. No dependencies, no requests; what it shows comes from `show(data)` and the host.

   host.evidence(key)            promise of HTML for a finding
   host.strip(beatmap)           optional: promise of the timeline of a difficulty, where the data have none
   host.clip(key, hits)          optional: promise of {url, start}: the song around it, start in ms
   host.continuations(key)       optional: promise of {html, from, until, notes}: what the model would go on with there; host.forget() ends it
   host.exports, host.export(format, keys)   optional: names of formats; writes the listed findings
   host.mark(keys, state)        optional: told when findings are marked; may return a promise of a message
   host.clear()                  optional: from now on nothing listed is new
   host.name                     where marks are kept in this browser
   host.state                    optional: {filters, selected}: where the page was left; host.keep(state) stores it

   `data.entries` says what is listed, and in which order: maimod/reporters/triage.py.
*/
function maimodViewer(root, host) {
  "use strict";
  const STATES = {done: ["Done", "d"], post: ["To post", "p"], ignored: ["Ignore", "i"]};
  const SEVERITIES = ["problem", "warning", "minor"];
  const CATEGORY_NAMES = {"new-combos": "new combos", "scroll-speed": "scroll speed"};
  const LIMIT = 80; // rows drawn at first; scrolling to the end draws more

  const ALL = -1, GENERAL = -2; // tabs that are no difficulty
  let data = null, findings = [], entries = [], listed = [], selected = null, current = 0, view = [0, 1], limit = LIMIT;
  let filters = {beatmap: ALL, categories: new Set(), severities: new Set(), text: "", state: "open", sort: "worth", change: ""};
  let opened = new Set(), chosen = false;
  let marks = {}, evidenceOf = new Map(), clipOf = new Map(), frame = 0;
  let ghosts = null, asking = null; // what the model would go on with at the selected finding; the finding that it is asked about

  const h = (tag, props, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "html") node.innerHTML = value;
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter(child => child !== null && child !== undefined && child !== ""));
    return node;
  };
  const $ = name => root.querySelector(name);
  const clock = ms => {
    const t = Math.abs(Math.round(ms));
    return `${ms < -0.5 ? "-" : ""}${String(Math.floor(t / 60000)).padStart(2, "0")}:${String(Math.floor(t / 1000) % 60).padStart(2, "0")}:${String(t % 1000).padStart(3, "0")}`;
  };
  const category = name => CATEGORY_NAMES[name] || name;
  const inOrder = of => data.categories.filter(name => of.some(f => f.category === name));
  const counted = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

  // Marks are stored in this browser, by fingerprint.
  const storeName = "maimod-marks" + (host.name ? ":" + host.name : "");
  try { marks = JSON.parse(localStorage.getItem(storeName) || "{}"); } catch { marks = {}; }
  window.addEventListener("storage", event => {  // another page of this browser has marked something
    if (event.key !== storeName || !data) return;
    try { marks = JSON.parse(event.newValue || "{}"); } catch { return; }
    update();
  });
  const stateOf = finding => finding.ignored ? "ignored" : marks[finding.id] || "";
  function mark(finding, state) {
    const before = stateOf(finding), after = before === state ? "" : state;
    const same = finding.entry && finding.entry.lead === finding ? finding.entry.same : [finding];
    for (const one of same) {
      if (after) marks[one.id] = after; else delete marks[one.id];
      one.ignored = after === "ignored";
    }
    try { localStorage.setItem(storeName, JSON.stringify(marks)); } catch { /* without storage, marks last until the page is closed */ }
    if (host.mark) Promise.resolve(host.mark(same.map(one => one.key), after)).then(say, error => say(String(error.message || error)));
    const place = listed.indexOf(finding);
    update();
    // If the selected finding left the list, select the one in its place.
    if (after && !listed.includes(finding) && listed.length) select(listed[Math.min(place, listed.length - 1)]);
    else showState();
  }

  // An entry of the list: `lead` speaks for `same`, one mistake in several difficulties or by several rules; `alike` are more of its kind.
  function entry(told, of) {
    const at = ([b, f]) => data.beatmaps[b].findings[f];
    const one = {lead: at(told.lead), where: told.where, general: told.general, of: of || null};
    one.same = [one.lead, ...told.twins.map(at)];
    one.alike = told.alike.map(inner => entry(inner, one));
    for (const finding of one.same) finding.entry = one;
    return one;
  }

  // Takes fresh data. Of the same run, what is selected, scrolled and open stays.
  function show(fresh, isSame) {
    const before = selected, old = data, top = $(".mm-list") ? $(".mm-list").scrollTop : 0;
    data = fresh;
    if (!isSame) { stopPlaying(); opened = new Set(); chosen = false; }
    findings = [];
    data.beatmaps.forEach((beatmap, b) => {
      const was = old && isSame && old.beatmaps[b];
      if (was && was.complete === beatmap.complete && !beatmap.strip) beatmap.strip = was.strip;
      else for (const key of [...evidenceOf.keys(), ...clipOf.keys()]) if (!isSame || key.startsWith(`${b}.`)) { evidenceOf.delete(key); clipOf.delete(key); }
      beatmap.findings.forEach((finding, f) => {
        finding.key = finding.key || `${b}.${f}`; finding.beatmap = b;
        findings.push(finding);
      });
    });
    entries = data.entries.map(one => entry(one));
    const wanted = before && (isSame ? chosen : true) ? {id: before.id, path: before.path} : !isSame && host.state && host.state.selected;
    const isIt = (f, one) => f && one && f.id === one.id && data.beatmaps[f.beatmap].path === one.path;
    let kept = wanted && findings.find(f => isIt(f, wanted));
    if (!isSame && host.state && host.state.filters) Object.assign(filters, host.state.filters, {categories: new Set(host.state.filters.categories), severities: new Set(host.state.filters.severities)});
    if (filters.beatmap >= data.beatmaps.length) filters.beatmap = ALL;
    if (!isSame) limit = LIMIT;
    selected = null;
    if (!isSame || !$(".mm-body")) skeleton(); else { $(".mm-title").replaceWith(heading()); drawFilters(); }
    if (!isSame || !old) { current = filters.beatmap >= 0 ? filters.beatmap : data.order.find(i => data.beatmaps[i].findings.length) || 0; resetView(); }
    update();
    if (isSame) $(".mm-list").scrollTop = top;
    if (isSame && !kept && isIt(listed[0], before)) kept = listed[0];
    if (kept) {
      selected = kept; selected.path = data.beatmaps[kept.beatmap].path;
      if (isSame && before.complete === data.beatmaps[kept.beatmap].complete && $(".mm-finding")) { markSelected(); showState(); } else select(kept, true);
    } else if (listed.length) select(listed[0], true);
    else $(".mm-detail").replaceChildren();
  }

  // ------------------------------------------------------------------------------------------------------------ skeleton

  function skeleton() {
    root.replaceChildren(
      h("header", {class: "mm-head"}, heading(), h("div", {class: "mm-export"})),
      h("div", {class: "mm-tabs", role: "group", "aria-label": "Difficulty"}),
      h("ul", {class: "mm-messages"}),
      h("section", {class: "mm-timeline", "aria-label": "Timeline"}),
      h("div", {class: "mm-body"},
        h("section", {class: "mm-side", "aria-label": "List"},
          h("div", {class: "mm-filters"}), h("p", {class: "mm-count", role: "status"}),
          h("ol", {class: "mm-list", tabindex: "0", onscroll: event => { if (listed.length > limit && event.target.scrollTop + event.target.clientHeight > event.target.scrollHeight - 600) { limit += 4 * LIMIT; drawRows(); } }, role: "listbox", "aria-label": "Findings"})),
        h("section", {class: "mm-detail", tabindex: "-1", "aria-label": "Evidence"})),
      h("p", {class: "mm-help"}, `j k next and previous · o open or close likeness · d done · p to post · i ignore${host.clip ? " · space play" : ""} · / search · + − 0 zoom${host.continuations ? " · g what the model would go on with" : ""} · Enter opens the place in the editor`),
      h("div", {class: "mm-toast", role: "status"}));
    const exporting = $(".mm-export");
    if (host.export) {
      exporting.append("Export what is listed: ");
      for (const format of host.exports) {
        exporting.append(h("button", {type: "button", "data-export": format, onclick: () => host.export(format, exported()).then(say)},
          format === "markdown" ? "Markdown" : format.toUpperCase()));
      }
    }
    drawFilters();
    listenToSwipes($(".mm-detail"));
  }
  const exported = () => [...new Set(listed.flatMap(f => (f.entry.lead === f ? [...f.entry.same, ...f.entry.alike.flatMap(one => one.same)] : [f])).filter(f => visibleIn(f)).map(f => f.key))];

  const song = b => [b.artist, b.title].filter(Boolean).join(" – ");
  const allSongs = () => new Set(data.beatmaps.filter(b => b.status !== "error").map(song));
  // Of several sets, the name of a difficulty or "in all 5 difficulties" does not say which.
  const isOpen = () => data.beatmaps.some(b => b.complete === false);  // of the page: the run goes on, or was ended
  const whose = b => allSongs().size > 1 ? song(b) || b.path : "";

  function heading() {
    const songs = allSongs();
    const creators = new Set(data.beatmaps.map(b => b.creator).filter(Boolean));
    const title = songs.size === 1 ? [...songs][0] : songs.size ? `${songs.size} songs` : data.beatmaps.length ? "Nothing could be read" : "Nothing was checked";
    const model = data.model ? `${data.model.id} on ${data.model.device}` : isOpen() ? "exact findings so far" : "no model: exact rules, the song and habits of the map";
    const summary = SEVERITIES.map(s => counted(data.summary[s] || 0, s === "minor" ? "minor finding" : s)).join(", ");
    return h("div", {class: "mm-title"}, h("h2", {}, title),
      h("p", {}, [creators.size && creators.size < 4 ? `by ${[...creators].join(", ")}` : "", summary, model].filter(Boolean).join(" · ")));
  }

  function drawTabs() {
    const tabs = $(".mm-tabs");
    const tab = (index, name, title, busy) => {
      const open = entries.filter(one => members(one).some(f => isIn(one, f, index) && visibleIn(f, "beatmap")));
      const worst = SEVERITIES.find(s => open.some(one => one.lead.severity === s));
      return h("button", {type: "button", "aria-pressed": String(filters.beatmap === index), title, "data-beatmap": index, class: busy ? "mm-busy" : "",
        onclick: () => { filters.beatmap = index; limit = LIMIT; if (index >= 0 && current !== index) { current = index; resetView(); } update(); if (!listed.includes(selected) && listed.length) select(listed[0], true); }},
        name, h("span", {class: `mm-badge ${worst || ""}`}, String(open.length)));
    };
    const difficulties = data.order.map(i => [data.beatmaps[i], i]);
    const several = data.beatmaps.length > 1 ? [tab(ALL, "All", "Everything"), tab(GENERAL, "General", "What concerns the set, or several difficulties")] : [];
    tabs.replaceChildren(...several, ...difficulties.map(([b, i]) => tab(i, (b.version || b.path) + (b.status === "error" ? " (unreadable)" : ""),
      `${whose(b) && `${whose(b)} · `}${b.path} · ${b.mode || "?"} · ${counted(b.objects, "object")}${b.complete === false ? " · only exact findings so far" : ""}`, b.complete === false)));
    const messages = [];
    if (data.unfinished) messages.push(h("li", {class: "error"}, `Unfinished: the run was interrupted; ${counted(data.unfinished, "more beatmap")} not checked.`));
    for (const [b, i] of difficulties) {
      if (filters.beatmap >= 0 && filters.beatmap !== i) continue;
      for (const message of b.messages) messages.push(h("li", {class: b.status}, h("b", {}, b.version || b.path), " ", message));
    }
    for (const edit of data.edits || []) messages.push(h("li", {class: "edited"}, h("b", {}, "changed"), ` ${edit.version}: ${edit.text}`));
    for (const gone of data.resolved || []) messages.push(h("li", {class: "resolved"}, h("b", {}, "resolved"), ` ${gone.version}: ${gone.text}`));
    const list = $(".mm-messages");
    const fold = () => {
      list.classList.add("mm-one");
      list.replaceChildren(...messages.slice(0, 1), ...(messages.length > 1 ? [h("li", {class: "mm-unfold"}, h("button", {type: "button", onclick: () => {
        list.classList.remove("mm-one");
        list.replaceChildren(...messages, h("li", {class: "mm-unfold"}, h("button", {type: "button", onclick: fold}, "fewer")));
      }}, `${messages.length - 1} more`))] : []));
    };
    if (list.classList.contains("mm-one") || !list.childElementCount || messages.length < 2) fold();
    else list.replaceChildren(...messages, list.lastChild);
  }

  function drawFilters() {
    const toggle = (set, value) => { if (set.has(value)) set.delete(value); else set.add(value); limit = LIMIT; update(); };
    const chips = (of, set, name, text) => h("div", {class: "mm-chips", role: "group", "aria-label": name}, of.map(value =>
      h("button", {type: "button", class: `mm-chip ${value}`, "data-filter": value, "aria-pressed": "false", onclick: () => toggle(set, value)}, text(value), h("span", {}))));
    const used = inOrder(findings);
    const options = (pairs, key) => h("select", {"data-select": key, "aria-label": key, onchange: event => { filters[key] = event.target.value; update(); }},
      pairs.map(([value, text]) => h("option", {value, selected: filters[key] === value}, text)));
    const changes = data.compared ? [options([["", "new and old"], ["new", "new only"], ["same", "old only"]], "change")] : [];
    if (!data.compared) filters.change = "";
    const wasOpen = $(".mm-categories") ? $(".mm-categories").open : filters.categories.size > 0;
    const categories = h("details", {class: "mm-categories", open: wasOpen}, h("summary", {}, "Categories"), chips(used, filters.categories, "Category", category));
    if (document.activeElement && $(".mm-filters").contains(document.activeElement) && $(".mm-categories")) {
      $(".mm-categories").replaceWith(categories);  // whoever types goes on typing
      return;
    }
    $(".mm-filters").replaceChildren(
      h("div", {class: "mm-find"},
        h("input", {type: "search", placeholder: "Search  ( / )", "aria-label": "Search messages, rules and timestamps", value: filters.text,
          oninput: event => { filters.text = event.target.value; limit = LIMIT; update(); }}),
        chips(SEVERITIES, filters.severities, "Severity", s => s)),
      h("div", {class: "mm-selects"}, categories,
        options([["open", "open"], ["post", "to post"], ["done", "done"], ["ignored", "ignored"], ["all", "all"]], "state"),
        options([["worth", "worth first"], ["time", "by time"], ["score", "by confidence"], ...(data.model ? [["bits", "by surprise"]] : [])], "sort"), ...changes));
  }

  // ------------------------------------------------------------------------------------------------------------- the list

  function visibleIn(finding, without) {
    const state = stateOf(finding);
    if (without !== "beatmap" && !isIn(finding.entry, finding, filters.beatmap)) return false;
    if (without !== "severity" && filters.severities.size && !filters.severities.has(finding.severity)) return false;
    if (without !== "category" && filters.categories.size && !filters.categories.has(finding.category)) return false;
    if (filters.state === "open" ? state === "done" || state === "ignored" : filters.state !== "all" && state !== filters.state) return false;
    if (filters.change && finding.change !== filters.change) return false;
    if (!filters.text) return true;
    finding.hay ??= `${finding.message} ${finding.rule} ${data.rules[finding.rule] || ""} ${finding.timestamp} ${finding.actual}`.toLowerCase();
    return filters.text.toLowerCase().split(/\s+/).every(word => finding.hay.includes(word));
  }

  const members = one => [one.lead, ...one.same.slice(1), ...one.alike.flatMap(inner => inner.same)];
  const isIn = (one, finding, index) => index === ALL || (data.beatmaps.length === 1 || (index === GENERAL ? one.general || (one.of !== null && one.of.general) : finding.beatmap === index && finding.scope !== "set"));

  // Rows: of each entry the first visible finding, and if it is open, those of its kind.
  function rows() {
    const order = {
      time: (a, b) => a.time - b.time || a.beatmap - b.beatmap,
      score: (a, b) => b.score - a.score,
      bits: (a, b) => (b.surprisal || 0) - (a.surprisal || 0),
    }[data.model || filters.sort !== "bits" ? filters.sort : "worth"];  // without a model nothing surprises
    const found = [];
    for (const one of entries) {
      const lead = one.same.find(f => visibleIn(f));
      const alike = one.alike.map(inner => inner.same.find(f => visibleIn(f))).filter(Boolean);
      if (lead || alike.length) found.push({lead: lead || alike.shift(), alike});
    }
    if (order) found.sort((a, b) => order(a.lead, b.lead));
    else found.sort((a, b) => (b.lead.change === "new") - (a.lead.change === "new"));  // stable: else by worth
    more = new Map(found.map(one => [one.lead, one.alike]));
    return found.flatMap(one => opened.has(one.lead.entry.lead.id) ? [one.lead, ...one.alike] : [one.lead]);
  }
  let more = new Map();

  function update() {
    listed = rows();
    drawTabs();
    for (const chip of root.querySelectorAll(".mm-chip")) {
      const value = chip.dataset.filter, isSeverity = SEVERITIES.includes(value);
      const of = findings.filter(f => (isSeverity ? f.severity : f.category) === value && visibleIn(f, isSeverity ? "severity" : "category"));
      chip.lastChild.textContent = of.length;
      chip.setAttribute("aria-pressed", String((isSeverity ? filters.severities : filters.categories).has(value)));
    }
    const visible = findings.filter(f => visibleIn(f)).length, hidden = findings.length - visible, states = {};
    findings.forEach(f => { const s = stateOf(f); if (s) states[s] = (states[s] || 0) + 1; });
    const fresh = findings.filter(f => f.change === "new").length;
    $(".mm-count").textContent = `${counted(listed.length, "entry").replace(/entrys$/, "entries")} of ${counted(visible, "finding")}` + (hidden ? `, ${hidden} filtered out` : "")
      + (data.compared ? ` · ${fresh} new, ${(data.resolved || []).length} resolved` : "")
      + Object.entries(states).map(([s, n]) => ` · ${n} ${s === "post" ? "to post" : s}`).join("");
    if (data.compared && host.clear && (fresh || (data.resolved || []).length)) $(".mm-count").append(" ", h("button", {type: "button", class: "mm-clear", title: "From now on nothing that is listed is new", onclick: () => host.clear()}, "clear new"));
    drawRows();
    drawTimeline();
    keep();
  }

  function keep() {
    if (!host.keep || !data) return;
    host.keep({filters: {...filters, categories: [...filters.categories], severities: [...filters.severities]}, selected: selected && {id: selected.id, path: selected.path}});
  }

  function drawRows() {
    const list = $(".mm-list");
    const drawn = listed.slice(0, limit).map(row);
    if (listed.length > limit) drawn.push(h("li", {class: "mm-more", role: "presentation"}, h("button", {type: "button", onclick: () => { limit += 4 * LIMIT; drawRows(); }}, `${listed.length - limit} more`)));
    if (!listed.length) drawn.push(h("li", {class: "mm-empty", role: "presentation"}, findings.length ? "Nothing matches the filters." : data.beatmaps.length && data.beatmaps.every(b => b.status === "error") ? "Nothing could be read: the reasons are above." : isOpen() ? "Nothing found so far." : "Nothing found."));
    list.replaceChildren(...drawn);
    markSelected();
  }

  function row(finding) {
    const state = stateOf(finding), beatmap = data.beatmaps[finding.beatmap], one = finding.entry, alike = more.get(finding);
    const isLead = alike !== undefined, open = isLead && opened.has(one.lead.id), isPlace = finding.scope === "place";
    const where = one.where || (filters.beatmap < 0 && data.beatmaps.length > 1 ? beatmap.version : "");
    const rules = [...new Set(one.same.map(f => f.rule))].filter(rule => rule !== finding.rule);
    return h("li", {role: "option", id: `mm-row-${finding.key}`, class: `mm-row ${finding.severity} ${state} ${isLead ? "" : "mm-inner"}`, "data-key": finding.key, "aria-selected": "false", onclick: () => { chosen = true; select(finding); }},
      h("span", {class: `mm-sign ${finding.severity}`, title: finding.severity}, finding.severity[0].toUpperCase()),
      h("span", {class: "mm-what"},
        h("span", {class: "mm-line"}, isPlace ? h("code", {}, finding.timestamp.replace(/ -$/, "")) : null, h("span", {class: "mm-rulename"}, finding.rule),
          finding.change === "new" ? h("span", {class: "mm-new"}, "new") : null,
          state ? h("span", {class: `mm-state ${state}`}, state === "post" ? "to post" : state) : null,
          h("span", {class: "mm-measure", title: measureTitle(finding)}, measure(finding))),
        h("span", {class: "mm-message"}, finding.message),
        where || rules.length ? h("span", {class: "mm-where"}, [where, where && whose(beatmap), rules.length ? `also ${rules.join(", ")}` : ""].filter(Boolean).join(" · ")) : null,
        isLead && alike.length ? h("button", {type: "button", class: "mm-fold", tabindex: "-1", "aria-expanded": String(open), onclick: event => { event.stopPropagation(); fold(one.lead.id); }},
          open ? `hide the ${alike.length} like it` : `${alike.length} more like it`) : null));
  }
  function fold(id) { if (opened.has(id)) opened.delete(id); else opened.add(id); update(); }

  // One number in one column: how likely the finding is real. Bits are in the evidence.
  const measure = finding => finding.confidence;
  const measureTitle = finding => finding.tier === "exact" ? "Arithmetic, criteria or files: not a guess" : "An estimate: how likely it is a mistake in an unfinished map; the numbers are below";

  const rowOf = finding => listed.includes(finding) ? finding : listed.find(f => f.entry === finding.entry);
  function markSelected() {
    const own = selected && rowOf(selected);
    const now = selected === null ? [] : [own && root.querySelector(`.mm-row[data-key="${own.key}"]`), ...root.querySelectorAll(`.mm-mark[data-key="${selected.key}"]`)].filter(Boolean);
    for (const node of root.querySelectorAll(".mm-selected")) if (!now.includes(node)) { node.classList.remove("mm-selected"); if (node.role === "option") node.setAttribute("aria-selected", "false"); }
    for (const node of now) { node.classList.add("mm-selected"); if (node.role === "option") node.setAttribute("aria-selected", "true"); }
  }

  function step(by) {
    if (!listed.length) return;
    const at = selected ? listed.indexOf(rowOf(selected)) : -1, to = at < 0 ? 0 : Math.min(Math.max(at + by, 0), listed.length - 1);
    if (to >= limit) { limit = to + LIMIT; drawRows(); }
    select(listed[to]);
  }

  function revealRow() {
    const shown = selected && rowOf(selected), node = shown && root.querySelector(`.mm-row[data-key="${shown.key}"]`), list = $(".mm-list");
    if (node) list.setAttribute("aria-activedescendant", node.id); else list.removeAttribute("aria-activedescendant");
    if (!node) return;
    // Scroll only the list, not the page.
    const over = node.offsetTop - list.scrollTop, below = over + node.offsetHeight - list.clientHeight;
    if (over < 0) list.scrollTop += over - 8; else if (below > 0) list.scrollTop += below + 8;
  }

  // Draws what the model would go on with, on demand; a second press takes it away.
  function goOn() {
    const finding = selected, box = $(".mm-ghosts"), button = $(".mm-go-on");
    if (!finding || !box) return;
    if (ghosts || asking) { dropGhosts(); return; }
    asking = finding;
    button.textContent = "Cancel";
    box.replaceChildren(h("p", {class: "mm-wait"}, "The model goes on …"));
    host.continuations(finding.key).then(found => {
      if (asking !== finding) return;
      asking = null; ghosts = found;
      button.textContent = "Hide what the model would go on with";
      box.innerHTML = found.html;
      const span = view[1] - view[0];
      drawGhosts();
      if (span > CLOSE_MS) setView(found.from - 2000, found.until + 2000);
      box.scrollIntoView({block: "nearest"});
      revealRow();
    }, error => {
      if (asking !== finding) return;
      dropGhosts();
      box.replaceChildren(h("p", {class: "mm-wait"}, String(error.message || error)));
    });
  }
  function dropGhosts() {
    if (asking && host.forget) host.forget();
    asking = ghosts = null;
    drawGhosts();
    if ($(".mm-ghosts")) { $(".mm-ghosts").replaceChildren(); $(".mm-go-on").textContent = "What would the model go on with?"; }
  }

  function select(finding, quietly) {
    stopPlaying();
    dropGhosts();
    const outer = finding.entry.of;
    if (outer && !rowOf(finding) && !opened.has(outer.lead.id)) { opened.add(outer.lead.id); update(); }
    selected = finding;
    selected.path = data.beatmaps[finding.beatmap].path;
    if (current !== finding.beatmap) { current = finding.beatmap; resetView(); }
    const span = view[1] - view[0];
    if (finding.time < view[0] + span * 0.02 || finding.time > view[1] - span * 0.02) setView(finding.time - span / 2, finding.time + span / 2);
    selected.complete = data.beatmaps[finding.beatmap].complete;
    const place = listed.indexOf(rowOf(finding));
    if (place >= limit) { limit = place + LIMIT; drawRows(); }
    drawTimeline();
    markSelected();
    revealRow();
    if (!quietly) { chosen = true; $(".mm-list").focus({preventScroll: true}); }
    keep();
    drawDetail();
    if (!quietly) revealDetail();
  }

  // Where the evidence is below the list, on a narrow screen, the list moves to the top, so that both are in sight.
  function revealDetail() {
    const list = $(".mm-list"), top = $(".mm-detail").getBoundingClientRect().top;
    if (top > list.getBoundingClientRect().top && (top < 0 || top > 0.55 * window.innerHeight)) list.scrollIntoView({block: "start"});
  }

  // ---------------------------------------------------------------------------------------------------------- the evidence

  function drawDetail() {
    const finding = selected, beatmap = data.beatmaps[finding.beatmap], detail = $(".mm-detail"), isPlace = finding.scope === "place";
    const head = h("div", {class: "mm-finding"},
      h("div", {class: "mm-stamp"},
        isPlace ? h("a", {class: "mm-link", href: finding.link, title: `Open in the editor of osu!, in the difficulty that is open there: open ${beatmap.version} first`}, finding.timestamp.replace(/ -$/, "")) : null,
        isPlace ? h("button", {type: "button", class: "mm-copy", title: "Copy the timestamp", onclick: () => copy(`${finding.timestamp} `)}, "copy") : null,
        h("button", {type: "button", class: "mm-copy", title: "Copy timestamp and message", onclick: () => copy(`${isPlace ? `${finding.timestamp} ` : ""}${finding.message}`)}, "copy as post"),
        h("span", {class: `mm-severity ${finding.severity}`}, finding.severity),
        h("span", {class: "mm-score", title: measureTitle(finding)}, measure(finding)),
        h("span", {class: "mm-where"}, [finding.entry.where || beatmap.version, whose(beatmap), isPlace || finding.scope === "difficulty" ? `line ${finding.line}` : ""].filter(Boolean).join(" · ")),
        h("span", {class: "mm-states"}, Object.entries(STATES).map(([state, [name, key]]) =>
          h("button", {type: "button", "data-mark": state, title: `${name} (${key})`, onclick: () => mark(finding, state)}, name)))),
      h("p", {class: "mm-text"}, finding.message));
    const player = host.clip && isPlace && (beatmap.audio || beatmap.complete === false) ? h("div", {class: "mm-player"},
      h("button", {type: "button", class: "mm-play", onclick: () => togglePlay()}, "Play"),
      [1, 0.75, 0.5].map(rate => h("button", {type: "button", class: "mm-rate", "data-rate": rate, onclick: () => setRate(rate)}, `${rate * 100} %`)),
      h("label", {}, h("input", {type: "checkbox", class: "mm-clicks", checked: clicks, title: "The mapset's own samples; sounds of ours where the skin's would play", onchange: event => { clicks = event.target.checked; if (playing) startPlaying(); }}), " hitsounds"),
      h("label", {}, h("input", {type: "checkbox", class: "mm-loop", checked: loops, onchange: event => { loops = event.target.checked; sound.loop = loops; }}), " loop"),
      h("input", {type: "range", class: "mm-seek", min: -2500, max: 3000, step: 1, value: 0, "aria-label": "Moment", oninput: event => scrub(Number(event.target.value))}),
      h("output", {class: "mm-at"}, clock(finding.time))) : null;
    const body = h("div", {class: "mm-evidence"}, h("p", {class: "mm-wait"}, "Drawing the evidence …"));
    const models = host.continuations && isPlace && data.model ? h("section", {class: "mm-model", "aria-label": "What the model would go on with"},
      h("button", {type: "button", class: "mm-go-on", title: "Draw three ways in which the model would continue the map from here (g)", onclick: () => goOn()}, "What would the model go on with?"), h("div", {class: "mm-ghosts"})) : null;
    detail.replaceChildren(head, ...(player ? [player] : []), body);
    setRate(sound.playbackRate);
    showState();
    const fill = html => {
      if (selected !== finding) return;
      body.innerHTML = html;
      const pictures = body.querySelectorAll(".mm-evidence > .mm-pictures, .mm-evidence > figure");
      if (models && pictures.length) pictures[pictures.length - 1].after(models);
    };
    evidence(finding).then(html => { fill(html); if (selected === finding) prefetch(); },
      error => { evidenceOf.delete(finding.key); fill(`<p class="mm-wait">${String(error.message || error).replace(/[<&]/g, " ")}</p>`); });
  }

  // A swipe over the evidence goes to the next or previous finding, as j and k do.
  let touch = null;
  function listenToSwipes(detail) {
    const isOwn = target => target.closest("input, table, .mm-spectrum, .mm-digest");  // what is moved or scrolled itself
    detail.addEventListener("touchstart", event => { touch = event.touches.length === 1 && !isOwn(event.target) ? {x: event.touches[0].clientX, y: event.touches[0].clientY} : null; }, {passive: true});
    detail.addEventListener("touchend", event => {
      if (!touch) return;
      const dx = event.changedTouches[0].clientX - touch.x, dy = event.changedTouches[0].clientY - touch.y;
      touch = null;
      if (Math.abs(dx) > 60 && Math.abs(dx) > 2 * Math.abs(dy)) step(dx < 0 ? 1 : -1);
    }, {passive: true});
  }

  function evidence(finding) {
    if (!evidenceOf.has(finding.key)) evidenceOf.set(finding.key, host.evidence(finding.key));
    return evidenceOf.get(finding.key);
  }

  // Expected positions take the model a second, so the next finding is drawn ahead.
  function prefetch() {
    const next = listed[listed.indexOf(rowOf(selected)) + 1];
    if (next && data.beatmaps[next.beatmap].complete !== false) evidence(next).catch(() => evidenceOf.delete(next.key));
  }

  function showState() {
    if (!selected) return;
    for (const button of root.querySelectorAll("[data-mark]")) button.setAttribute("aria-pressed", String(stateOf(selected) === button.dataset.mark));
  }

  function copy(text) {
    const fallback = () => {
      const area = h("textarea", {}, text);
      root.append(area); area.value = text; area.select(); document.execCommand("copy"); area.remove();
    };
    (navigator.clipboard ? navigator.clipboard.writeText(text).catch(fallback) : Promise.resolve(fallback())).then(() => say(`Copied: ${text.trim()}`));
  }

  let toastTimer = 0;
  function say(message) {
    if (!message) return;
    const toast = $(".mm-toast");
    toast.textContent = message; toast.classList.add("mm-on");
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => toast.classList.remove("mm-on"), 3500);
  }

  // ------------------------------------------------------------------------------------------------------------- playback

  const sound = new Audio();
  sound.preservesPitch = true;
  let playing = false, clicks = true, loops = true, clipStart = 0, tick = 0;
  sound.addEventListener("ended", () => stopPlaying());

  function setRate(rate) {
    sound.defaultPlaybackRate = sound.playbackRate = rate;
    for (const button of root.querySelectorAll(".mm-rate")) button.setAttribute("aria-pressed", String(Number(button.dataset.rate) === rate));
  }
  function togglePlay() { if (playing) stopPlaying(); else startPlaying(); }
  async function startPlaying() {
    if (!host.clip || !selected || !$(".mm-play")) return;
    const finding = selected, name = finding.key + clicks, rate = sound.playbackRate;
    try {
      if (!clipOf.has(name)) clipOf.set(name, await host.clip(finding.key, clicks));
      if (selected !== finding) return;
      const clip = clipOf.get(name);
      sound.src = clip.url; clipStart = clip.start;
      sound.loop = loops; setRate(rate);
      await sound.play();
    } catch (error) { say(`The song cannot be played: ${error.message || error}`); return; }
    playing = true;
    if ($(".mm-play")) $(".mm-play").textContent = "Stop";
    cancelAnimationFrame(tick);
    const run = () => { if (!playing) return; moveTo(clipStart + sound.currentTime * 1000); tick = requestAnimationFrame(run); };
    run();
  }
  function stopPlaying() {
    const was = playing;
    playing = false; sound.pause(); cancelAnimationFrame(tick);
    if (was && selected && $(".mm-play")) { $(".mm-play").textContent = "Play"; moveTo(selected.time); }
    const head = $(".mm-head-line");
    if (head) head.style.display = "none";
  }
  function scrub(offset) { if (playing) { sound.currentTime = (selected.time + offset - clipStart) / 1000; } else moveTo(selected.time + offset); }

  // Moves the picture to another time, by the rules of maimod/evidence/moment.py.
  function moveTo(now) {
    const field = root.querySelector(".mm-evidence > .mm-pictures .mm-field, .mm-evidence > figure .mm-field");
    if (field) {
      const approach = Number(field.dataset.approach), fade = Number(field.dataset.fade), out = Number(field.dataset.out), radius = Number(field.dataset.radius);
      for (const node of field.querySelectorAll("[data-s]")) {
        const start = Number(node.dataset.s), end = Number(node.dataset.e);
        if (node.dataset.vy !== undefined) {
          const x = Number(node.dataset.x || 0), to = start - now;
          node.setAttribute("transform", `translate(${(x + to * Number(node.dataset.vx)).toFixed(1)} ${(to * Number(node.dataset.vy)).toFixed(1)})`);
        } else if (node.classList.contains("object")) {
          const shade = now < start ? Math.min(Math.max((now - start + approach) / fade, 0), 1) : now <= end ? 1 : Math.max(0, 1 - (now - end) / out) * 0.6;
          node.setAttribute("opacity", shade.toFixed(3));
          const ring = node.querySelector(".ring");
          if (ring) {
            ring.setAttribute("r", (radius * (1 + 3 * Math.min(Math.max((start - now) / approach, 0), 1))).toFixed(1));
            ring.setAttribute("opacity", now <= start ? 1 : 0);
          }
          const ball = node.querySelector(".ball");
          if (ball) {
            const inside = now >= start && now <= end && end > start;
            ball.setAttribute("opacity", inside ? 1 : 0);
            if (inside) {
              const path = node.querySelector(".body"), turn = (now - start) / (end - start) * Number(ball.dataset.slides) % 2;
              const at = path.getPointAtLength(path.getTotalLength() * (turn <= 1 ? turn : 2 - turn));
              ball.setAttribute("cx", at.x.toFixed(1)); ball.setAttribute("cy", at.y.toFixed(1));
            }
          }
        } else node.setAttribute("opacity", now >= start && now <= end ? 1 : 0);
      }
    }
    const hearing = root.querySelector(".mm-evidence .mm-spectrum");
    if (hearing) {
      const from = Number(hearing.dataset.start), to = Number(hearing.dataset.stop), line = hearing.querySelector(".mm-now");
      line.setAttribute("transform", `translate(${((now - from) / (to - from) * 720).toFixed(1)} 0)`);
      line.setAttribute("opacity", now >= from && now <= to ? 1 : 0);
    }
    const head = $(".mm-head-line");
    if (head) { head.style.display = now >= view[0] && now <= view[1] ? "block" : "none"; head.style.left = `${place(now)}%`; }
    const seek = $(".mm-seek"), at = $(".mm-at");
    if (seek && selected) { seek.value = now - selected.time; at.textContent = clock(now); }
  }

  // ------------------------------------------------------------------------------------------------------------- timeline

  const bounds = () => { const s = data.beatmaps[current] && data.beatmaps[current].strip; return s ? [s.start, s.end] : [0, 1000]; };
  const place = time => (time - view[0]) / (view[1] - view[0]) * 100;
  function resetView() { view = bounds(); }
  function setView(from, to) {
    const [first, last] = bounds(), span = Math.min(Math.max(to - from, 500), last - first);
    const start = Math.min(Math.max((from + to - span) / 2, first), last - span);
    view = [start, start + span];
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(placeAll);
  }
  function zoom(factor, around) {
    const at = around === undefined ? (selected && selected.beatmap === current ? selected.time : (view[0] + view[1]) / 2) : around;
    setView(at - (at - view[0]) * factor, at + (view[1] - at) * factor);
  }

  function pan(by) { const step = by * (view[1] - view[0]) / 8; setView(view[0] + step, view[1] + step); }

  function drawTimeline() {
    const box = $(".mm-timeline"), beatmap = data.beatmaps[current];
    const strip = beatmap && beatmap.strip;
    if (!strip && beatmap && host.strip && beatmap.status !== "error" && !beatmap.asked) {
      beatmap.asked = true;
      const of = data;
      host.strip(current).then(found => {
        beatmap.strip = found;
        if (data !== of || data.beatmaps[current] !== beatmap) return;
        box.dataset.name = ""; resetView(); drawTimeline();
      }, () => { beatmap.asked = false; });
    }
    box.classList.toggle("mm-blank", !strip);
    box.classList.toggle("mm-no-bits", Boolean(strip) && !strip.moments.length);
    box.style.display = strip || host.strip ? "" : "none";
    const own = marked();
    const lanes = inOrder(findings.filter(isOnTimeline));
    box.style.setProperty("--lanes", Math.max(lanes.length, 5));  // room for what is still to come, so that nothing jumps
    if (!strip) {
      const words = beatmap && beatmap.status === "error" ? "This difficulty could not be read." : "Drawing the timeline …";
      if (box.dataset.name !== words) { box.dataset.name = words; box.replaceChildren(h("p", {class: "mm-wait"}, words)); }
      return;
    }
    const name = `${current}:${data.beatmaps[current].complete}:${lanes.join()}`;
    if (box.dataset.name !== name) {
      box.dataset.name = name;
      box.replaceChildren(
        h("div", {class: "mm-gutter"}, h("span", {class: "mm-g-ghosts"}, "the model"), h("span", {class: "mm-g-song"}, "song"), h("span", {class: "mm-g-objects"}, "objects"), strip.moments.length ? h("span", {class: "mm-g-bits"}, "surprise") : [],
          lanes.map((lane, i) => h("span", {class: "mm-g-lane", style: `top:calc(var(--strip) + 20px + var(--ghosts, 0px) + ${i} * var(--lane))`}, category(lane)))),
        h("div", {class: "mm-track"}, h("div", {class: "mm-strip-box", html: strip.svg}), h("canvas", {class: "mm-close", "aria-hidden": "true"}), h("div", {class: "mm-axis"}), h("canvas", {class: "mm-ghost-lane", "aria-hidden": "true"}), h("div", {class: "mm-lanes"}),
          h("div", {class: "mm-head-line"}), h("div", {class: "mm-hover"}), h("div", {class: "mm-tip"})),
        h("div", {class: "mm-zoom"}, h("button", {type: "button", title: "Zoom in (+)", onclick: () => zoom(0.5)}, "+"), h("button", {type: "button", title: "Zoom out (−)", onclick: () => zoom(2)}, "−"),
          h("button", {type: "button", title: "The whole map (0)", onclick: () => { resetView(); placeAll(); }}, "fit"),
          h("span", {class: "mm-diff"}, beatmap.version)));
      listen(box.querySelector(".mm-track"));
    }
    const inside = box.querySelector(".mm-lanes"), drawn = own.map(finding => finding.key + stateOf(finding)[0] + finding.severity).join();
    if (inside.dataset.drawn !== drawn || inside.of !== data) inside.replaceChildren(...own.flatMap(finding => placesOf(finding).map(moment => {
      const node = h("button", {type: "button", tabindex: "-1", class: `mm-mark ${finding.severity} ${stateOf(finding)}`, "data-key": finding.key,
        style: `top:calc(${lanes.indexOf(finding.category)} * var(--lane) + 2px)`, title: data.beatmaps[finding.beatmap].version, "aria-label": `${finding.severity} ${finding.timestamp} ${finding.rule}`,
        onclick: () => { if (!dragged) select(finding); }});
      node.finding = finding; node.moment = moment;
      return node;
    })));
    inside.dataset.drawn = drawn; inside.of = data;
    markSelected();
    placeAll();
  }

  // Start and end (or null) of each place of a finding: one about several places is no section from the first to the last.
  const placesOf = finding => {
    const times = finding.evidence.times_ms;
    return times && times.length > 1 ? times.map(time => [time, null]) : [[finding.time, finding.end_time]];
  };

  // Visible findings with a place: of all difficulties in "All", else of the one that is drawn.
  // Of several songs, findings about the others have no time in this one.
  const isOnTimeline = f => f.scope === "place" && (filters.beatmap < 0 ? song(data.beatmaps[f.beatmap]) === song(data.beatmaps[current]) : f.beatmap === current);
  const marked = () => findings.filter(f => isOnTimeline(f) && visibleIn(f));

  function placeAll() {
    const box = $(".mm-timeline"), svg = box && box.querySelector(".mm-strip");
    if (!svg) return;
    svg.setAttribute("viewBox", `${view[0]} 0 ${view[1] - view[0]} ${svg.viewBox.baseVal.height}`);
    for (const node of box.querySelectorAll(".mm-mark")) {
      const [starts, ends] = node.moment, at = place(starts), end = ends === null ? at : place(ends);
      const isLong = end - at > 0.8, from = isLong ? Math.max(at, 0) : at;
      node.style.display = end < -1 || at > 101 ? "none" : "";
      node.style.left = `${from}%`;
      node.style.width = isLong ? `${Math.min(end, 100) - from}%` : "";
      node.classList.toggle("mm-long", isLong);
    }
    const axis = box.querySelector(".mm-axis"), most = Math.min(14, Math.max(2, axis.clientWidth / 56));  // a label is some 40 px wide
    const span = view[1] - view[0], every = [100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000, 3600000].find(s => span / s <= most) || 7200000;
    const ticks = [];
    for (let t = Math.ceil(view[0] / every) * every; t <= view[1]; t += every) {
      const text = every < 1000 ? clock(t) : clock(t).slice(0, 5);
      ticks.push(h("span", {style: `left:${place(t)}%`}, text));
    }
    axis.replaceChildren(...ticks);
    drawClose();
    drawGhosts();
  }

  // Close up, the strip is a part of the editor's timeline: beat ticks in the colours of their snap, objects with their names.
  const CLOSE_MS = 16000, SNAPS = {1: "#ffffff", 2: "#ed1c24", 3: "#b557ff", 4: "#3b8cff", 6: "#b557ff", 8: "#ffcc22", 12: "#c8802a", 16: "#7f6bd8"};
  function drawClose() {
    const canvas = $(".mm-close"), strip = data.beatmaps[current].strip, span = view[1] - view[0];
    if (!canvas || !strip.notes) return;
    const isClose = span <= CLOSE_MS;
    $(".mm-timeline").classList.toggle("mm-is-close", isClose);
    if (!isClose) return;
    const scale = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * scale; canvas.height = height * scale;
    const draw = canvas.getContext("2d"), at = time => (time - view[0]) / span * width, middle = height * 0.56, radius = Math.min(15, height * 0.2);
    draw.scale(scale, scale);
    strip.beats.forEach(([time, beat, meter], i) => {
      const end = Math.min(view[1], i + 1 < strip.beats.length ? strip.beats[i + 1][0] - 1 : Infinity), divisor = beat / span * width > 60 ? 4 : beat / span * width > 24 ? 2 : 1;
      const step = beat / divisor, first = Math.max(Math.ceil((view[0] - time) / step), i ? 0 : -1e6);
      for (let n = first; time + n * step <= end && n - first < 4000; n++) {
        const part = ((n % divisor) + divisor) % divisor, snap = part === 0 ? 1 : divisor / part === 2 ? 2 : divisor;
        const isMeasure = part === 0 && (n / divisor) % Math.max(meter, 1) === 0, tall = isMeasure ? height : snap === 1 ? height * 0.34 : snap === 2 ? height * 0.24 : height * 0.16;
        draw.fillStyle = SNAPS[snap]; draw.globalAlpha = isMeasure ? 0.45 : 0.9;
        draw.fillRect(at(time + n * step) - 0.75, height - tall, 1.5, tall);
      }
    });
    draw.globalAlpha = 1; draw.textAlign = "center"; draw.textBaseline = "middle"; draw.font = `600 ${Math.round(radius * 1.1)}px system-ui, sans-serif`;
    const own = new Set(selected && selected.beatmap === current ? [Math.round(selected.time)] : []);
    const several = new Map();  // objects at the same time lie above each other, as chords do
    for (const [start, end, name, snap] of strip.notes) {
      if (end < view[0] - 500 || start > view[1] + 500) continue;
      const level = several.get(start) || 0, y = middle - level * radius * 0.8;
      several.set(start, level + 1);
      const colour = SNAPS[snap] || "#ff66aa";
      if (end > start + 1) { draw.fillStyle = colour; draw.globalAlpha = 0.35; draw.fillRect(at(start), y - radius * 0.6, at(end) - at(start), radius * 1.2); draw.globalAlpha = 1; }
      draw.beginPath(); draw.arc(at(start), y, radius, 0, 7); draw.fillStyle = "#20242f"; draw.fill();
      draw.lineWidth = own.has(Math.round(start)) ? 4 : 2; draw.strokeStyle = own.has(Math.round(start)) ? "#ff5c93" : colour; draw.stroke();
      draw.fillStyle = "#fff"; draw.fillText(name, at(start), y + 0.5);
    }
  }

  // What the model would go on with: a lane of its own, hollow and dashed, a row for each continuation.
  function drawGhosts() {
    const box = $(".mm-timeline"), lane = $(".mm-ghost-lane"), shown = ghosts !== null && selected !== null && selected.beatmap === current;
    if (!lane) return;
    box.classList.toggle("mm-has-ghosts", shown);
    if (!shown) return;
    const scale = window.devicePixelRatio || 1, width = lane.clientWidth, height = lane.clientHeight, rows = ghosts.notes.length;
    lane.width = width * scale; lane.height = height * scale;
    const draw = lane.getContext("2d"), at = time => (time - view[0]) / (view[1] - view[0]) * width, radius = height / rows * 0.42;
    draw.scale(scale, scale);
    draw.strokeStyle = draw.fillStyle = getComputedStyle(box).getPropertyValue("--mm-ghost"); draw.font = `600 ${Math.round(radius * 1.45)}px system-ui, sans-serif`; draw.textAlign = "center"; draw.textBaseline = "middle";
    draw.globalAlpha = 0.1; draw.fillRect(at(ghosts.from), 0, at(ghosts.until) - at(ghosts.from), height); draw.globalAlpha = 1;
    const isClose = view[1] - view[0] <= CLOSE_MS;
    ghosts.notes.forEach((notes, row) => {
      const y = (row + 0.5) * height / rows;
      for (const [start, end, name] of notes) {
        if (end > start + 1) { draw.globalAlpha = 0.3; draw.fillRect(at(start), y - radius * 0.5, at(Math.min(end, ghosts.until)) - at(start), radius); draw.globalAlpha = 1; }
        draw.setLineDash([3, 2]);
        draw.beginPath(); draw.arc(at(start), y, radius, 0, 7); draw.stroke();
        if (isClose) draw.fillText(name, at(start), y + 0.5);
      }
    });
  }

  let dragged = false;
  function listen(track) {
    const timeAt = event => { const r = track.getBoundingClientRect(); return view[0] + (event.clientX - r.left) / r.width * (view[1] - view[0]); };
    track.addEventListener("wheel", event => {
      event.preventDefault();
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        const by = (event.deltaX || event.deltaY) / 800 * (view[1] - view[0]);
        setView(view[0] + by, view[1] + by);
      } else zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event));
    }, {passive: false});
    let from = null;
    track.addEventListener("pointerdown", event => { from = {x: event.clientX, view: [...view]}; dragged = false; });
    window.addEventListener("pointerup", () => { from = null; });
    track.addEventListener("pointermove", event => {
      if (from && (event.buttons & 1)) {
        if (Math.abs(event.clientX - from.x) > 4) dragged = true;
        const by = (from.x - event.clientX) / track.getBoundingClientRect().width * (from.view[1] - from.view[0]);
        if (dragged) setView(from.view[0] + by, from.view[1] + by);
      }
      hover(track, event, timeAt(event));
    });
    track.addEventListener("pointerleave", () => { track.querySelector(".mm-tip").style.display = track.querySelector(".mm-hover").style.display = "none"; });
    track.addEventListener("click", event => {
      if (dragged || event.target.closest(".mm-mark")) return;
      const finding = nearest(timeAt(event), (view[1] - view[0]) * 0.02);
      if (finding) select(finding);
    });
  }
  function nearest(time, within) {
    let best = null, least = within;
    for (const finding of marked()) for (const [starts, ends] of placesOf(finding)) {
      const off = ends !== null && time > starts && time < ends ? within * 0.9 : Math.abs(starts - time);
      if (off < least) { least = off; best = finding; }
    }
    return best;
  }
  function hover(track, event, time) {
    const tip = track.querySelector(".mm-tip"), line = track.querySelector(".mm-hover"), over = event.target.closest(".mm-mark");
    const found = over ? over.finding : nearest(time, (view[1] - view[0]) * 0.006);
    const moments = data.beatmaps[current].strip.moments;
    let low = 0, high = moments.length - 1;
    while (low < high) { const middle = (low + high) >> 1; if (moments[middle][0] < time) low = middle + 1; else high = middle; }
    const near = [moments[low - 1], moments[low]].filter(Boolean).sort((a, b) => Math.abs(a[0] - time) - Math.abs(b[0] - time))[0];
    const close = near && Math.abs(near[0] - time) < (view[1] - view[0]) * 0.01;
    tip.replaceChildren(h("b", {}, clock(time)), close ? ` · ${near[1]} bits at ${clock(near[0])}` : "",
      found ? h("div", {class: found.severity}, `${found.severity}: ${found.message}`) : "");
    const at = place(time);
    line.style.display = tip.style.display = "block";
    line.style.left = `${at}%`;
    tip.style.left = at > 60 ? "" : `${at}%`;
    tip.style.right = at > 60 ? `${100 - at}%` : "";
  }

  // ------------------------------------------------------------------------------------------------------------- keyboard

  function onKey(event) {
    if (!data || !root.isConnected || !root.offsetParent) return;
    const field = event.target.closest && event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "Escape" && field && root.contains(field)) { field.blur(); return; }
    if (field && !["checkbox", "range"].includes(field.type) || event.ctrlKey || event.metaKey || event.altKey) return;
    if ((event.key === " " || event.key === "Enter") && event.target.closest("button, summary, a")) return;
    const keys = {
      j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1), " ": () => togglePlay(), "/": () => $(".mm-filters input").focus(),
      Enter: () => { if (selected) window.location.href = selected.link; }, d: () => selected && mark(selected, "done"), p: () => selected && mark(selected, "post"), i: () => selected && mark(selected, "ignored"),
      o: () => { const row = selected && rowOf(selected); if (row && row.entry.alike.length) fold(row.entry.lead.id); }, "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": () => { resetView(); placeAll(); }, g: () => goOn(), ArrowLeft: () => pan(-1), ArrowRight: () => pan(1)};
    const action = keys[event.key];
    if (!action || event.key.startsWith("Arrow") && !root.contains(event.target)) return;
    event.preventDefault();
    action();
  }
  document.addEventListener("keydown", onKey);

  root.classList.add("mm");
  // Shows a difficulty by the end of its path; false if it is not there.
  function choose(file) {
    const index = data ? data.beatmaps.findIndex(b => b.path.replace(/\\/g, "/").endsWith(`/${file}`) || b.path === file) : -1;
    if (index < 0) return false;
    if (data.beatmaps.length < 2) return true;
    filters.beatmap = index; current = index; resetView(); update();
    if (!listed.includes(selected) && listed.length) select(listed[0], true);
    return true;
  }

  return {show, say, choose, close: () => { stopPlaying(); document.removeEventListener("keydown", onKey); root.replaceChildren(); data = null; }};
}
