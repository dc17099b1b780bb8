// npm run lab:docker -- up|down|env|status [name]
import { clean, traces } from './clean.ts';
import { down, status, up } from './index.ts';
import { hostOf, orphans, type Place, placeOf } from './place.ts';

const [word = 'status', name] = process.argv.slice(2);
const place = placeOf(name);

/** What is left of an engine that nobody keeps. */
const left = (of: Place) => traces(of).map((trace) => `left: ${trace}`);

switch (word) {
  case 'up': {
    const { host, missing } = await up(name);
    for (const image of missing) console.error(`not built: ${image}`);
    console.log(`export DOCKER_HOST=${host}`);
    break;
  }
  case 'env':
    console.log(`export DOCKER_HOST=${hostOf(place)}`);
    break;
  case 'down':
    if (!(await down(name))) console.log('test runs hold it still; it ends with the last of them');
    else if (traces(place).length > 0) for (const trace of await clean(place)) console.error(`left: ${trace}`);
    break;
  case 'status': {
    const now = await status(name);
    if (now) console.log(`${now.host} (held by ${now.holders} test runs${now.byHand ? ' and by hand' : ''})`);
    else console.log(['down', ...new Set([place, ...(await orphans())].flatMap(left))].join('\n'));
    break;
  }
  default:
    console.error('usage: npm run lab:docker -- up|down|env|status [name]');
    process.exitCode = 2;
}
