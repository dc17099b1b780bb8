/** What we read of the answers of Docker's API (1.24 and later; Podman's are the same). */
export interface ListedContainer {
  readonly Id: string;
  readonly Names: readonly string[] | null;
  readonly Image: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly State: string;
  readonly Status: string;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, unknown>> | null } | null;
  readonly HostConfig?: { readonly NetworkMode?: string };
}

export interface EndpointSettings {
  readonly IPAMConfig?: object | null;
  readonly Links?: readonly string[] | null;
  readonly Aliases?: readonly string[] | null;
  readonly DriverOpts?: object | null;
  readonly NetworkID?: string;
  readonly IPAddress?: string;
  readonly GlobalIPv6Address?: string;
}

export interface InspectedContainer {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly Paused: boolean;
    readonly Pid: number;
    readonly ExitCode: number;
    readonly StartedAt: string;
  };
  readonly Config: Readonly<Record<string, unknown>> & {
    readonly Image: string;
    readonly Hostname?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly StopSignal?: string;
  };
  readonly HostConfig: Readonly<Record<string, unknown>> & {
    readonly AutoRemove?: boolean;
    readonly NetworkMode?: string;
    readonly Links?: readonly string[] | null;
    readonly Binds?: readonly string[] | null;
  };
  readonly NetworkSettings: {
    readonly Networks?: Readonly<Record<string, EndpointSettings>> | null;
  };
  readonly Mounts?: readonly {
    readonly Type: string;
    readonly Name?: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
  readonly GraphDriver?: { readonly Name: string; readonly Data?: Readonly<Record<string, string>> | null } | null;
}
