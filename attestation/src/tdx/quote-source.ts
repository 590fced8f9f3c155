/** Where a worker gets its quotes from. */
export interface QuoteSource {
    /**
     * @param reportData 64 bytes that the quote vouches for (`reportDataOf`).
     * @returns the quote, raw.
     */
    quote(reportData: Buffer, signal?: AbortSignal): Promise<Buffer>;
}
