
export default function () { Error.stackTraceLimit = {}; Error.stackTraceLimit = 9; Error.prepareStackTrace = {}; Error(); }
