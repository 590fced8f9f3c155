import { MarketProgress } from '@ton-compute/client';

const StageText = { registry: 'Reading the registry', providers: 'Reading providers', jobs: 'Reading jobs' } as const;

/**
 * Shows how far the reading is: on a terminal in one line that changes, else one line for each stage.
 * @returns what to call with each step, and at the end.
 */
export function progressLine(stream: NodeJS.WriteStream): { step: (progress: MarketProgress) => void; end: () => void } {
    let stage = '';
    let shown = false;
    return {
        step: (progress) => {
            const { done, total } = progress;
            const text = `${StageText[progress.stage]}${total === 0 ? '' : ` ${done}/${total}`}`;
            if (stream.isTTY) {
                stream.write(`\r\u001b[K${text}`);
                shown = true;
            } else if (stage !== progress.stage) {
                stream.write(`${StageText[progress.stage]}${total === 0 ? '' : ` (${total})`}...\n`);
            }
            stage = progress.stage;
        },
        end: () => {
            if (shown) {
                stream.write('\r\u001b[K');
                shown = false;
            }
        },
    };
}
