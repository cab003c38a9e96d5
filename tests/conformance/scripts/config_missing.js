// flags: --config no_such_file.json
export default function () {}
