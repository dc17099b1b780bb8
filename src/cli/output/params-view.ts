import type { ParamDescription } from '../../spec/params.ts';

/** A parameter list for the terminal: a heading, then two lines for each. */
export function paramLines(heading: string, params: readonly ParamDescription[]): readonly string[] {
  if (params.length === 0) return ['', `${heading}: none.`];
  return [
    '',
    `${heading}:`,
    ...params.flatMap((param) => {
      const fallback = param.required
        ? 'required'
        : param.default === undefined
          ? 'optional'
          : `default ${JSON.stringify(param.default)}`;
      return [
        `  ${param.name}  (${param.type}, ${fallback})`,
        ...(param.description ? [`      ${param.description}`] : []),
      ];
    }),
  ];
}
