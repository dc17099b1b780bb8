const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A size for people: `512 bytes`, `1.5 MiB`, `239.5 GiB`. */
export function formatBytes(bytes: number): string {
  let [size, unit] = [Math.max(0, bytes), 0];
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${size.toFixed(unit === 0 ? 0 : 1).replace(/\.0$/, '')} ${units[unit]}`;
}
