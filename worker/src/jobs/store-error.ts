/** A store did not do what it was asked. The message never shows a URL: whoever has one may read or write. */
export class StoreTrouble extends Error {
    override readonly name = 'StoreTrouble';

    constructor(
        /** 'missing': it has no such object; 'other': it has something else there; 'trouble': trying again may help. */
        readonly kind: 'missing' | 'other' | 'trouble',
        message: string,
    ) {
        super(message);
    }
}
