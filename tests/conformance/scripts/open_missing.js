const x = open('./absent.txt');
export default function () {}
