// Types off, places kept: what src/engine/script/type_stripper.cpp runs on TypeScript scripts. Bundled by
// scripts/fetch-type-stripper.
import { transform } from 'sucrase';
import { parse } from 'sucrase/dist/esm/parser';
import { TokenType } from 'sucrase/dist/esm/parser/tokenizer/types';

const kDigits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

// Source map segments of one line of output: [column, original line, original column], decoded from base64 VLQ.
function* decode(mappings) {
  let line = 0;
  let column = 0;
  for (const text of mappings.split(';')) {
    const segments = [];
    let at = 0;
    let output = 0;
    const next = () => {
      let value = 0;
      let shift = 0;
      for (;;) {
        const digit = kDigits.indexOf(text[at++]);
        value |= (digit & 31) << shift;
        shift += 5;
        if (!(digit & 32)) return value & 1 ? -(value >> 1) : value >> 1;
      }
    };
    while (at < text.length) {
      output += next();
      if (at < text.length && text[at] !== ',') {
        next();
        line += next();
        column += next();
        segments.push([output, line, column]);
      }
      if (text[at] === ',') at++;
    }
    yield segments;
  }
}

// Where nothing may be put in front, since spaces there are part of a string: template text and what follows it.
// Throws on what this stripper would drop although it is code.
function fixedStarts(source) {
  const starts = new Set();
  const { tokens } = parse(source, false, true, false);
  tokens.forEach((token, i) => {
    if (token.type === TokenType.template) starts.add(token.start).add(tokens[i + 1].start);
    const text = source.slice(token.start, token.end);
    if ((text === 'namespace' || text === 'module') && token.isType && i + 2 < tokens.length &&
        tokens[i + 1].type === TokenType.name && tokens[i + 2].type === TokenType.braceL &&
        (i === 0 || source.slice(tokens[i - 1].start, tokens[i - 1].end) !== 'declare')) {
      const before = source.slice(0, token.start);
      const line = before.split('\n').length;
      const error = new SyntaxError('TypeScript namespaces are not supported; put the code into a module of its own');
      error.loc = { line, column: before.length - before.lastIndexOf('\n') };
      throw error;
    }
  });
  return starts;
}

// Spaces in front of tokens that stand too far left for want of the types before them, so that line and column of
// everything are those of the source. Returns the JavaScript, or throws with `loc` {line, column} where it is no
// TypeScript.
globalThis.stripTypes = (source, path) => {
  const { code, sourceMap } = transform(source, {
    transforms: ['typescript'],
    disableESTransforms: true,
    preserveDynamicImport: true,
    filePath: path,
    sourceMapOptions: { compiledFilename: path },
  });
  const offsets = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) offsets.push(at + 1);
  const fixed = fixedStarts(source);
  const lines = code.split('\n');
  let row = 0;
  for (const segments of decode(sourceMap.mappings)) {
    const text = lines[row];
    let padded = '';
    let copied = 0;
    for (const [column, line, original] of segments) {
      padded += text.slice(copied, column);
      copied = column;
      if (line === row && padded.length < original && !fixed.has(offsets[line] + original)) {
        padded += ' '.repeat(original - padded.length);
      }
    }
    if (segments.length > 0) lines[row] = padded + text.slice(copied);
    row++;
  }
  return lines.join('\n');
};
