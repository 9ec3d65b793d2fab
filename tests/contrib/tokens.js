// SPDX-License-Identifier: ISC
//
// node tokens.js EXTENSION MODULES SCOPE FILE...: reads each file as VS Code does
// with the extension in a directory EXTENSION, as a file of the language with
// SCOPE, and prints for the first character of each line (of syntax.ini: for all)
// that is no blank what it is taken for: "FILE LINE COLUMN SCOPE ...", from the
// outermost to the innermost. MODULES has the engine (vscode-textmate,
// vscode-oniguruma) and VS Code's own grammars of ini files and of shell
// (tm-grammars).
'use strict';
const fs = require('fs');
const path = require('path');

const [extension, modules, scope, ...files] = process.argv.slice(2);
const load = (name) => require(path.join(modules, name));
const textmate = load('vscode-textmate');
const oniguruma = load('vscode-oniguruma');
const read = (file) => fs.readFileSync(file, 'utf8');

// what the extension contributes
const { grammars } = JSON.parse(read(path.join(extension, 'package.json'))).contributes;
const paths = {
	'source.ini': path.join(modules, 'tm-grammars/grammars/ini.json'),
	'source.shell': path.join(modules, 'tm-grammars/grammars/shellscript.json'),
};
for (const grammar of grammars)
	paths[grammar.scopeName] = path.join(extension, grammar.path);

async function main() {
	const wasm = path.join(modules, 'vscode-oniguruma/release/onig.wasm');
	await oniguruma.loadWASM(fs.readFileSync(wasm).buffer);
	const registry = new textmate.Registry({
		onigLib: Promise.resolve({
			createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
			createOnigString: (text) => new oniguruma.OnigString(text),
		}),
		loadGrammar: async (name) => (paths[name] ?
			textmate.parseRawGrammar(read(paths[name]), paths[name]) : null),
		getInjections: (name) => grammars
			.filter((grammar) => (grammar.injectTo || []).includes(name))
			.map((grammar) => grammar.scopeName),
	});
	const grammar = await registry.loadGrammar(scope);
	const said = [];
	for (const file of files) {
		let stack = textmate.INITIAL;
		read(file).replace(/\n$/, '').split('\n').forEach((line, number) => {
			const result = grammar.tokenizeLine(line, stack);
			stack = result.ruleStack;
			const first = line.search(/\S/);
			for (const token of result.tokens)
				for (let at = token.startIndex; at < token.endIndex; at++)
					if (at === first || file.endsWith('syntax.ini') &&
					    /\S/.test(line[at] || ' '))
						said.push([file, number + 1, at + 1,
							...token.scopes].join(' '));
		});
	}
	console.log(said.join('\n'));
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
