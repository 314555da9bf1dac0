/** Loaded before a command (node --require): says on stderr which native modules it opens. */
const open = process.dlopen;
process.dlopen = (module, file, ...rest) => {
  process.stderr.write(`native module: ${file}\n`);
  return open.call(process, module, file, ...rest);
};
