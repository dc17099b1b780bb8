export { type Chat, type ChatAction, type ChatDecision, type ChatOptions, type ChatWord, createChat } from './chat.ts';
export { type ChatRouteOptions, chatRoute } from './chat-route.ts';
export { type Counter, type CounterOptions, type CounterStore, createCounter, fileCounterStore } from './counter.ts';
export { slackSignature } from './slack-signature.ts';
