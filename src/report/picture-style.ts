/** Colours and type of the picture; used inside the page and inside the stand-alone SVG file. Light unless dark is asked for. */
export const pictureStyle = `
.zp{--ink:#22262b;--soft:#5d646d;--line:#dcdad3;--paper:#fffdf9;--good:#0b7a66;--good-wash:#0b7a6614;--bad:#b3371c;--bad-wash:#b3371c12;--fault:#6a4bb0;--fault-wash:#6a4bb01f;--data:#2d5d8c;
font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-size:12px;font-variant-numeric:tabular-nums;display:block;width:100%;height:auto}
@media screen and (prefers-color-scheme:dark){.zp{--ink:#e9e6df;--soft:#a3a8b0;--line:#34393f;--paper:#1b1e22;--good:#4fc7a8;--good-wash:#4fc7a81a;--bad:#ff8f73;--bad-wash:#ff8f7317;--fault:#b9a3f2;--fault-wash:#b9a3f226;--data:#8bbcf0}}
.zp text{fill:var(--ink)}
.zp .soft{fill:var(--soft)}
.zp .strong{font-weight:650;font-size:13px}
.zp .head{font-weight:700;font-size:19px}
.zp .halo{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.zp .t-good{fill:var(--good)}.zp .t-bad{fill:var(--bad)}.zp .t-fault{fill:var(--fault)}
.zp .bold{font-weight:650}
.zp .paper{fill:var(--paper)}
.zp .rule{stroke:var(--line);stroke-width:1}
.zp .frame{fill:none;stroke:var(--line);stroke-width:1}
.zp .wash{fill:var(--fault-wash)}
.zp .shot{stroke:var(--fault);stroke-width:1.5}
.zp .bar{fill:var(--fault)}
.zp .bar-open{fill:none;stroke:var(--bad);stroke-width:1.5;stroke-dasharray:4 3}
.zp .track{stroke:var(--line);stroke-width:1}
.zp .series{fill:none;stroke:var(--data);stroke-width:1.6;stroke-linejoin:round}
.zp .dot{fill:var(--data)}
.zp .cross{stroke:var(--bad);stroke-width:1.8;stroke-linecap:round;fill:none}
.zp .limit{stroke:var(--bad);stroke-width:1.2;stroke-dasharray:6 4}
.zp .over{fill:var(--bad-wash)}
.zp .ok{fill:var(--good);opacity:.55}
.zp .ko{fill:var(--bad)}
.zp .stable{stroke:var(--good);stroke-width:1.6}
.zp .bracket{fill:none;stroke:var(--good);stroke-width:1.6}
.zp .heal{fill:var(--good-wash)}
`;
