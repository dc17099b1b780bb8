// Prints the JSON Schema of all documents, for editors. `tsx scripts/gen-schema.ts > dist/schema.json`
import { experimentJsonSchema } from '../src/spec/json-schema.ts';

/** The text of schema.json. */
export const schemaText = async (): Promise<string> => `${JSON.stringify(await experimentJsonSchema(), null, 2)}\n`;

if (import.meta.filename === process.argv[1]) process.stdout.write(await schemaText());
