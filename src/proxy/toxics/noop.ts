import { defineToxic } from './toxic.ts';

/** Gives everything on as it is: what runs where a toxic's dice say no. */
export default defineToxic({
  type: 'noop',
  struct: 'NoopToxic',
  attributes: {},
  async pipe(stub) {
    for (let chunk = await stub.take(); chunk; chunk = await stub.take()) await stub.give(chunk);
  },
});
