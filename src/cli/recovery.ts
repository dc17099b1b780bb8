// What the reaper needs only when there is something to recover; see reaper.ts.
export { openCatalogue } from '../sdk/catalogue.ts';
