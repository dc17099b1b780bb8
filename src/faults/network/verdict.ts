/** What a rule does with the packets that match, or with some of them. Plain JSON. */
export type Verdict =
  | { readonly action: 'drop' | 'reject' | 'reset'; readonly percent: number }
  | { readonly action: 'drop'; readonly every: number; readonly packet: number };
