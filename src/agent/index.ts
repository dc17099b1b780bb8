export { type AgentOptions, runAgent } from './agent.ts';
export { readToken } from './auth.ts';
export { authority, clientName, issued, makeCertificates, type Pair } from './certs.ts';
export { readAddress } from './listen.ts';
export { tokenReview } from './review.ts';
