// better: log: the parser is another one, and so are its words
// What is neither JavaScript nor TypeScript ends the run.
export default function (): void {
  const broken: number = ;
}
