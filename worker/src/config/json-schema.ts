import { z } from 'zod';

import { fieldNames } from './load';
import { Schema } from './schema';

/** Where the schema lies, seen from the root of the repository. */
export const SchemaFile = 'worker/worker.schema.json';

type Node = { [name: string]: unknown; properties?: Record<string, Node> };

/**
 * The JSON schema of the configuration file, made from the schema that the loader checks with, so that an editor says
 * what the loader would say. Nothing is required: what a file leaves out may come from the environment or from flags.
 * What a shape cannot express (whether an address is one, whether a folder may be a store) only the loader knows.
 */
export function configJsonSchema(): Node {
    const generated = z.toJSONSchema(Schema, {
        io: 'input',
        target: 'draft-7',
        unrepresentable: 'any',
        override: ({ zodSchema, jsonSchema }) => describePreprocessed(zodSchema, jsonSchema as Node),
    }) as Node;
    const sections = generated.properties ?? {};
    delete generated.required;
    for (const section of Object.values(sections)) {
        delete section.required;
    }
    for (const { section, field, info } of fieldNames) {
        const node = sections[section].properties![field];
        node.description = info.meaning;
        node.examples = [info.example];
        if (typeof node.default === 'string' && node.default.startsWith('/')) {
            // A path of the machine on which this was made.
            delete node.default;
        }
    }
    return {
        ...generated,
        title: 'Configuration of a worker',
        description: 'worker.json. A flag wins over the environment, the environment over this file.',
        properties: {
            $schema: { type: 'string', description: 'Where this schema is.' },
            ...sections,
            models: {
                type: 'array',
                description: "Several models, instead of the sections 'model' and 'upstream'.",
                minItems: 1,
                maxItems: 64,
                items: { ...sections.model, properties: { ...sections.model.properties, upstream: sections.upstream } },
            },
        },
    };
}

/** @returns the text of the schema's file. */
export function configSchemaText(): string {
    return `${JSON.stringify(configJsonSchema(), null, 4)}\n`;
}

/** What is tidied up before it is checked looks like anything to the generator; a file should hold it tidy. */
function describePreprocessed(schema: z.core.$ZodType, node: Node): void {
    const { def } = schema._zod;
    if (def.type !== 'pipe') {
        return;
    }
    const pipe = def as z.core.$ZodPipeDef;
    if (pipe.in._zod.def.type === 'transform') {
        const { $schema: _, ...shape } = z.toJSONSchema(pipe.out, {
            io: 'input',
            target: 'draft-7',
            unrepresentable: 'any',
        });
        Object.assign(node, shape);
    }
}
