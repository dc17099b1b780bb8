import { z } from 'zod';

const Absolute = z
  .string()
  .regex(/^\/[^\0]*$/, 'not an absolute path: write it from the root, like /var/lib/shop/data');

/** The `path` parameter of a fault that changes one file. */
export const FilePath = Absolute.describe('The file, as the target sees it, from the root. A link is followed.');

/** The `path` parameter of a fault that works in a folder. */
export const FolderPath = Absolute.describe('The folder, as the target sees it, from the root.');
