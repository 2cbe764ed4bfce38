// The agents' local tools. They work on the files in `data/`; the waits stand for the services they would call.

import { readFile } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const FOLDER = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "data");
const load = async (name) => JSON.parse(await readFile(resolve(FOLDER, name), "utf8"));

async function order(id) {
  const found = (await load("orders.json")).find((entry) => entry.id === id);
  if (!found) throw new Error(`there is no order ${id}`);
  return found;
}

const read_file = {
  description: "Read one of the shop's documents: returns-policy.md, packing-list.md.",
  parameters: { path: "string" },
  run: async ({ path }) => {
    const file = resolve(FOLDER, path);
    if (!file.startsWith(FOLDER + sep)) throw new Error(`${path} is outside of the documents folder`);
    return readFile(file, "utf8");
  },
};

const calculator = {
  description: "Compute an arithmetic expression of numbers, + - * / and parentheses.",
  parameters: { expression: "string" },
  run: ({ expression }) => {
    if (!/^[\d\s.+\-*/()]+$/.test(expression)) throw new Error(`not an arithmetic expression: ${expression}`);
    return { result: Math.round(Function(`"use strict"; return (${expression})`)() * 100) / 100 };
  },
};

export const orderTools = {
  list_orders: {
    description: "List a customer's orders, newest first.",
    parameters: { customer: "string" },
    run: async ({ customer }) => {
      await wait(60);
      const mine = (await load("orders.json")).filter((entry) => entry.customer === customer);
      return mine.map(({ id, placed, status, total }) => ({ id, placed, status, total }));
    },
  },
  get_order: {
    description: "Everything about one order.",
    parameters: { order_id: "string" },
    run: async ({ order_id }) => {
      await wait(40);
      return order(order_id);
    },
  },
  track_parcel: {
    description: "Where a parcel is, from the carrier.",
    parameters: { tracking: "string" },
    run: async ({ tracking }) => {
      await wait(180);
      const parcel = (await load("parcels.json"))[tracking];
      if (!parcel) throw new Error(`the carrier does not know ${tracking}`);
      return parcel;
    },
  },
  cancel_order: {
    description: "Cancel an order that has not been handed to the carrier.",
    parameters: { order_id: "string" },
    run: async ({ order_id }) => {
      await wait(50);
      const { status } = await order(order_id);
      if (status !== "packing") throw new Error(`order ${order_id} is ${status} and can no longer be cancelled`);
      return { order_id, status: "cancelled" };
    },
  },
  refund_order: {
    description: "Pay back an amount of an order in euros.",
    parameters: { order_id: "string", amount: "number" },
    run: async ({ order_id, amount }) => {
      await wait(220);
      const { paid_with, total } = await order(order_id);
      if (amount > total) throw new Error(`${amount} is more than the ${total} that was paid`);
      if (paid_with === "gift-card") {
        const error = new Error("payments.internal: connection timed out after 5000 ms (gift card ledger)");
        throw Object.assign(error, { name: "PaymentServiceTimeout", fatal: true });
      }
      return { order_id, refunded: amount, reference: `RF-${order_id.slice(2)}-1` };
    },
  },
  read_file,
  calculator,
};

export const tripTools = {
  get_weather: {
    description: "The forecast for a city on a day.",
    parameters: { city: "string", day: "string" },
    run: async ({ city, day }) => {
      await wait(120);
      const forecast = (await load("weather.json"))[city];
      if (!forecast) throw new Error(`no forecast for ${city}`);
      return { city, day, ...forecast };
    },
  },
  list_trains: {
    description: "Trains between two cities on a day, with prices in Norwegian kroner.",
    parameters: { from: "string", to: "string", day: "string" },
    run: async ({ from, to, day }) => {
      await wait(150);
      const trains = (await load("trains.json")).filter((train) => train.from === from && train.to === to);
      return { day, trains };
    },
  },
  calculator,
};

export const packingTools = { read_file };
