// Connects the viewer with the page's own server, which sends evidence, clips and exports.
const taken = answer => { if (answer.trouble) throw new Error(answer.trouble); return answer.value; };
let run = "", shown = null, holder = null;
const host = {
  name: "ui",
  exports: EXPORTS,
  evidence: async key => taken(await server.evidence({run, key})),
  clip: async (key, clicks) => taken(await server.clip({run, key, clicks})),
  mark: async (key, finding, state) => taken(await server.mark({run, key, state})),
  export: async (format, keys) => {
    try {
      const file = taken(await server.export({run, format, keys}));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([file.text], {type: file.type}));
      link.download = file.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      return `Saved ${file.name}: ${keys.length} finding${keys.length === 1 ? "" : "s"}`;
    } catch (error) { return String(error.message || error); }
  },
};
async function refresh() {
  const name = JSON.parse(props.value || "{}").run;
  if (!name || name === run) return;
  const root = element.querySelector(".mm-root");
  if (!shown || holder !== root) { if (shown) shown.close(); shown = maimodViewer(root, host); holder = root; }
  try { const data = taken(await server.load(name)); run = name; shown.show(data); }
  catch (error) { root.textContent = String(error.message || error); }
}
watch("value", refresh);
refresh();
