/** A refusal of the HTTP API, in Toxiproxy's words (v2.12): the body is `{"error","status"}`. */
export class ProxyProblem extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.name = 'ProxyProblem';
    this.status = status;
  }
}

/** The refusals that Toxiproxy has names for, each made anew where it is thrown. */
export const problems = {
  badBody: (what: string) => new ProxyProblem(`bad request body: ${what}`, 400),
  missingField: (what: string) => new ProxyProblem(`missing required field: ${what}`, 400),
  proxyNotFound: () => new ProxyProblem('proxy not found', 404),
  proxyExists: () => new ProxyProblem('proxy already exists', 409),
  invalidStream: () => new ProxyProblem('stream was invalid, can be either upstream or downstream', 400),
  invalidType: () => new ProxyProblem('invalid toxic type', 400),
  toxicExists: () => new ProxyProblem('toxic already exists', 409),
  toxicNotFound: () => new ProxyProblem('toxic not found', 404),
  other: (what: string) => new ProxyProblem(what, 500),
} as const;
