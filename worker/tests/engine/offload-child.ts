/**
 * Loads models with the options in argv[2] and argv[3], asks each of them the questions in argv[4], and prints a line
 * of JSON. A process of its own: ggml reads GGML_VK_VISIBLE_DEVICES from the real environment, once.
 */
import {
    createLlamaEngines,
    type DeviceReport,
    EngineError,
    type LlamaDeviceOptions,
    type LlamaModelOptions,
} from '../../src/engine';

export type OffloadResult =
    | {
          readonly device: DeviceReport;
          /** By model, in the order of the questions. */
          readonly answers: Readonly<Record<string, readonly string[]>>;
          readonly slots: Readonly<Record<string, number>>;
      }
    | { readonly error: { readonly code: string; readonly message: string } };

async function main(
    options: LlamaDeviceOptions,
    models: readonly LlamaModelOptions[],
    questions: readonly string[],
): Promise<OffloadResult> {
    const engine = await createLlamaEngines(options, models);
    const answers: Record<string, string[]> = {};
    const slots: Record<string, number> = {};
    for (const { id } of engine.models) {
        slots[id] = engine.slotsOf(id);
        answers[id] = await Promise.all(
            questions.map(async (content) => {
                const request = { model: id, messages: [{ role: 'user' as const, content }], temperature: 0 };
                let answer = '';
                for await (const event of engine.chat(request, { signal: new AbortController().signal })) {
                    if (event.type === 'text') answer += event.text;
                }
                return answer;
            }),
        );
    }
    await engine.close();
    return { device: engine.device, answers, slots };
}

const [options, models, questions] = process.argv.slice(2).map((text) => JSON.parse(text));
void main(options, models, questions)
    .catch((error: unknown): OffloadResult => {
        if (!(error instanceof EngineError)) throw error;
        return { error: { code: error.code, message: error.message } };
    })
    .then((result) => console.log(JSON.stringify(result)));
