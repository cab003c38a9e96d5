// flags: --execution-segment 0:1/2 --execution-segment-sequence 0,1/2,1 --vus 4 --iterations 10
export default function () {}
