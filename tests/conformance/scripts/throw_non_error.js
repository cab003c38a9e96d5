// better: log: the text of a thrown value without a stack differs in layout
export default function () { throw 'just text'; }
