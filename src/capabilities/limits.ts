export type LimitName = 'nofile' | 'nproc' | 'as' | 'fsize';

/** A resource limit; `unlimited` is written as -1. */
export type Limit = { readonly soft: number; readonly hard: number };

/** Resource limits of the running target. Only soft limits are ever changed, so every change can be undone. */
export interface LimitsCapability {
  read(name: LimitName): Promise<Limit>;
  /** Throws `permission-missing` naming CAP_SYS_RESOURCE, or `not-supported` when prlimit is not installed. */
  setSoft(name: LimitName, soft: number): Promise<void>;
  /** How many descriptors the target has open now. */
  openFiles(): Promise<number>;
  /** The numbers of its open descriptors, ascending: the limit bounds the number, not the count. */
  descriptors(): Promise<readonly number[]>;
}
