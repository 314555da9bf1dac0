import type { DatasetContent } from "../../src/tasks/write-dataset.js";

export declare const CHOICE_FAMILIES: readonly string[];
export declare function choiceQuestions(name: string, sizes?: Record<string, number>): DatasetContent;
