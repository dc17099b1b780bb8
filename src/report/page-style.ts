import { pictureStyle } from './picture-style.ts';

/** The whole style sheet of the HTML report. Dark on request of the browser, always light on paper. */
export const pageStyle = `
:root{color-scheme:light dark;--bg:#f6f4ee;--paper:#fffdf9;--ink:#22262b;--soft:#5d646d;--line:#dcdad3;--good:#0b7a66;--bad:#b3371c;--fault:#6a4bb0;--quiet:#566170;--good-bg:#e3f2ec;--bad-bg:#fbe7e0;--quiet-bg:#e9ebee;--code:#f0ede5}
@media screen and (prefers-color-scheme:dark){:root{--bg:#121417;--paper:#1b1e22;--ink:#e9e6df;--soft:#a3a8b0;--line:#34393f;--good:#4fc7a8;--bad:#ff8f73;--fault:#b9a3f2;--quiet:#aab4c0;--good-bg:#15302a;--bad-bg:#3a211b;--quiet-bg:#272c32;--code:#23272c}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1080px;margin:0 auto;padding:28px 24px 64px}
h1{font-size:1.7rem;line-height:1.2;margin:.1em 0 .35em;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.12rem;margin:0 0 .7em;letter-spacing:-.005em}
p{margin:.3em 0}
a{color:inherit}
.kicker{color:var(--soft);font-size:.86rem;margin:0}
.about{max-width:70ch;color:var(--soft);margin:.2em 0 .6em;overflow-wrap:anywhere}
.facts{display:flex;flex-wrap:wrap;gap:2px 26px;margin:0;color:var(--soft);font-size:.9rem}
.facts div{display:flex;gap:.45em;min-width:0}.facts dt{opacity:.9}.facts dd{margin:0;color:var(--ink);overflow-wrap:anywhere}
.verdict{display:flex;gap:18px;align-items:center;border-radius:14px;padding:18px 22px;margin:20px 0 16px;border:1px solid transparent}
.verdict svg{flex:none;width:52px;height:52px}
.verdict .word{font-size:1.75rem;font-weight:720;line-height:1.15;letter-spacing:-.015em}
.verdict p{margin:.15em 0 0;max-width:72ch;overflow-wrap:anywhere}
.good{background:var(--good-bg);border-color:color-mix(in srgb,var(--good) 35%,transparent)}.good .word,.good svg{color:var(--good)}
.bad,.alarm{background:var(--bad-bg);border-color:color-mix(in srgb,var(--bad) 40%,transparent)}.bad .word,.bad svg,.alarm .word,.alarm svg{color:var(--bad)}
.alarm{border-width:3px}
.quiet{background:var(--quiet-bg);border-color:var(--line)}.quiet .word,.quiet svg{color:var(--quiet)}
.badge{display:inline-block;border:1.5px solid currentColor;border-radius:99px;padding:0 .7em;font-size:.8rem;font-weight:650;color:var(--fault);vertical-align:middle;margin-left:.5em}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin:0 0 16px}
.tile{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:13px 16px;margin:0;min-width:0}
.tile dt{color:var(--soft);font-size:.84rem}.tile dd{margin:0;overflow-wrap:anywhere}.tile .n{font-size:1.55rem;font-weight:680;line-height:1.25;letter-spacing:-.01em}.tile .m{color:var(--soft);font-size:.84rem;line-height:1.4}
section{background:var(--paper);border:1px solid var(--line);border-radius:14px;padding:20px 22px;margin:16px 0}
.wide{display:block}.slim{display:none}
.scroll{overflow-x:auto;margin:0 -6px;padding:0 6px}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th{text-align:left;font-weight:600;color:var(--soft);border-bottom:1.5px solid var(--line);padding:6px 14px 6px 0;vertical-align:bottom}
td{border-bottom:1px solid var(--line);padding:8px 14px 8px 0;vertical-align:top;overflow-wrap:anywhere}
tr:last-child td{border-bottom:0}
td small,li small{display:block;color:var(--soft);font-size:.85em}
.num{white-space:nowrap}
.ok{color:var(--good);font-weight:620}.ko{color:var(--bad);font-weight:620}
ul.plain{list-style:none;margin:0;padding:0}ul.plain li{padding:7px 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}ul.plain li:last-child{border:0}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.88em}
code{overflow-wrap:anywhere}
pre{background:var(--code);border-radius:8px;padding:12px 14px;margin:.2em 0 1em;white-space:pre-wrap;overflow-wrap:anywhere}
details summary{cursor:pointer;font-weight:600}
details summary:focus-visible{outline:2px solid var(--fault);outline-offset:4px;border-radius:4px}
details table{margin-top:14px;font-size:.84rem}details td{padding:4px 14px 4px 0}
footer{color:var(--soft);font-size:.84rem;margin-top:22px}
@media screen and (max-width:760px){main{padding:18px 14px 48px}.tiles{grid-template-columns:1fr 1fr}section{padding:16px 14px}.verdict{padding:15px 16px;gap:14px}.verdict svg{width:40px;height:40px}.verdict .word{font-size:1.4rem}h1{font-size:1.35rem}
.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}.cards,.cards tbody,.cards tr,.cards td{display:block}.cards tr{padding:10px 0;border-bottom:1.5px solid var(--line)}.cards tr:last-child{border:0}.cards td{border:0;padding:2px 0 2px 8.2em;min-height:1.6em;position:relative}.cards td::before{content:attr(data-label);position:absolute;left:0;width:7.8em;color:var(--soft)}}
@media screen and (max-width:640px){.wide{display:none}.slim{display:block}}
@media print{html{font-size:11.5px}body{background:#fff;font-size:1rem}main{padding:0;max-width:none}section,.tile,.verdict{break-inside:avoid;border-radius:6px}.tiles{grid-template-columns:repeat(4,1fr)}.verdict,.tile{print-color-adjust:exact;-webkit-print-color-adjust:exact}.zp{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
${pictureStyle}
`.trim();
