// Binds KQL as Log Analytics does. Reads {tables, functions, queries} as JSON from standard input, and writes for each
// query what Microsoft's language service says: its errors, and the columns of its answer.
// The library is C# compiled to JavaScript; it defines globals, and its lists are no arrays.
"use strict";

const path = require("path");

const library = path.join(path.resolve(process.argv[2]), "@kusto", "language-service-next");
require(path.join(library, "bridge.min.js"));
require(path.join(library, "Kusto.Language.Bridge.min.js"));

const { KustoCode, GlobalState } = Kusto.Language;
const { TableSymbol, DatabaseSymbol, FunctionSymbol } = Kusto.Language.Symbols;

function array(list) {
  return Array.from({ length: System.Array.getCount(list) }, (_, index) => System.Array.getItem(list, index));
}

function workspace({ tables, functions }) {
  const tableSymbols = Object.entries(tables).map(([name, columns]) => {
    const schema = Object.entries(columns).map(([column, type]) => `['${column}']:${type}`);
    return new TableSymbol.$ctor7(name, `(${schema.join(", ")})`, "");
  });
  const functionSymbols = functions.map(
    ({ name, parameters, body }) => new FunctionSymbol.$ctor16(name, `(${parameters})`, `{${body}\n}`, ""),
  );
  return GlobalState.Default.WithDatabase(new DatabaseSymbol.ctor("workspace", [...tableSymbols, ...functionSymbols]));
}

function bound(text, globals) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const errors = array(code.GetDiagnostics())
    .filter((each) => each.Severity === "Error")
    .map((each) => `${each.Code} line ${text.slice(0, each.Start).split("\n").length}: ${each.Message}`);
  const columns = code.ResultType?.Columns ? array(code.ResultType.Columns).map((each) => [each.Name, each.Type.Name]) : [];
  return { errors, columns };
}

let input = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => (input += chunk));
process.stdin.on("end", () => {
  const request = JSON.parse(input);
  const globals = workspace(request);
  process.stdout.write(JSON.stringify(request.queries.map((query) => bound(query, globals))));
});
