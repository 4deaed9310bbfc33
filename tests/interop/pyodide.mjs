// pyodide.mjs HOME RECORDER: tests/oracle/recorder.py --serve under the Python that the npm
// package pyodide carries, installed below HOME.  Requests on stdin, answers on stdout.
import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [home, recorder] = process.argv.slice(2);
const { loadPyodide } = createRequire(join(resolve(home), "x.js"))("pyodide");
const nothing = () => {}; // some versions print SystemErrors of half-made bytearrays there
const python = await loadPyodide({ stdout: nothing, stderr: nothing });
const say = (line) => {
  for (let rest = Buffer.from(line + "\n"); rest.length > 0;)
    rest = rest.subarray(writeSync(1, rest));
};
python.FS.writeFile("/home/pyodide/recorder.py", readFileSync(recorder));
python.FS.writeFile("/home/pyodide/requests", readFileSync(0));
python.globals.set("say", say);
python.runPython("import recorder\nwith open('requests', 'rb') as f:\n    recorder.serve(f, say)");
